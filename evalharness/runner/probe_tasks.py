"""What an audit asks a run's judges: probes of some questions, and some judgments again."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.domain import JudgmentKind, compute_digest
from evalharness.judge import (
    JudgmentRequest,
    Probe,
    build_probe_games,
    choose_probe_questions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalharness.domain import Answer, JudgeSpec, Judgment, Question, RunRecords, RunSpec
    from evalharness.judge import AuditSpec

    AnswersByKey = dict[tuple[str, str, int], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTask:
    """One showing that an audit asks a judge about; `number` is which time of several."""

    probe: Probe
    showing: JudgmentRequest
    of: str | None = None
    shown_first: bool = True
    number: int = 0

    @property
    def digest(self) -> str:
        """The key: what is probed, all that the judge is shown, and which time it is asked."""
        times = [self.number] if self.number else []
        return compute_digest([self.probe, self.showing.judge.name, self.showing.digest(), *times])


def plan_probe_tasks(spec: RunSpec, audit: AuditSpec, records: RunRecords) -> tuple[ProbeTask, ...]:
    """Return all that an audit asks about, for every judge."""
    answers: AnswersByKey = {
        (answer.question_id, answer.model, answer.sample): answer for answer in records.answers
    }
    names = {model.name for model in spec.models}
    judged = spec.judging.turns
    turn = min(judged) if judged else 1
    usable = {
        question.question_id: [
            answer
            for name in sorted(names)
            if (answer := answers.get((question.question_id, name, 0))) and _is_usable(answer, turn)
        ]
        for question in spec.questions
    }
    answered = [question for question in spec.questions if usable[question.question_id]]
    chosen = choose_probe_questions(
        answered, audit.questions, random.Random(compute_digest([spec.seed, "audit"]))
    )
    asks: list[ProbeTask] = []
    for judge in spec.judges:
        if JudgmentKind.PAIRWISE in judge.prompts:
            asks += _probe_game_tasks(judge, chosen, answered, usable, turn, spec.seed)
        asks += _repeat_tasks(judge, chosen, answers, records)
    return tuple(asks)


def _probe_game_tasks(
    judge: JudgeSpec,
    chosen: Sequence[Question],
    answered: Sequence[Question],
    usable: dict[str, list[Answer]],
    turn: int,
    seed: int,
) -> Iterator[ProbeTask]:
    for question in chosen:
        rng = random.Random(compute_digest([seed, question.question_id]))
        answer = rng.choice(usable[question.question_id])
        elsewhere = _off_topic_answer(question, answer, answered, usable)
        for game in build_probe_games(answer, turn, elsewhere, rng):
            yield ProbeTask(
                probe=game.probe,
                showing=JudgmentRequest(
                    judge=judge, question=question, turn=turn, answers=game.answers
                ),
                shown_first=game.shown_first,
            )


def _off_topic_answer(
    question: Question,
    answer: Answer,
    answered: Sequence[Question],
    usable: dict[str, list[Answer]],
) -> Answer | None:
    """Return an answer to a later question, of another category and by the same model if any is.

    "Later" goes on from the beginning, so that each question has another one's answer.
    """
    own = answered.index(question)
    others = [
        (
            (other.category == question.category, each.model != answer.model, step),
            each,
        )
        for step, other in enumerate((*answered[own + 1 :], *answered[:own]))
        for each in usable[other.question_id]
    ]
    return min(others, key=lambda other: other[0])[1] if others else None


def _repeat_tasks(
    judge: JudgeSpec, chosen: Sequence[Question], answers: AnswersByKey, records: RunRecords
) -> Iterator[ProbeTask]:
    """Yield a judgment of each kind on each question, as it was asked and without its reference."""
    questions = {question.question_id: question for question in chosen}
    seen: set[tuple[Probe, JudgmentKind, str]] = set()
    for judgment in sorted(records.judgments, key=lambda row: row.digest):
        question = questions.get(judgment.question_id)
        if question is None or judgment.judge != judge.name:
            continue
        showing = rebuild_judgment_request(judge, question, judgment, answers)
        if showing is None:
            continue
        bare = replace(showing, question=replace(question, references=()))
        for probe, asked in ((Probe.REPEATED, showing), (Probe.WITHOUT_REFERENCE, bare)):
            place = (probe, asked.kind, question.question_id)
            has_something_to_drop = any(question.references[: judgment.turn])
            if place in seen or (probe is Probe.WITHOUT_REFERENCE and not has_something_to_drop):
                continue
            seen.add(place)
            yield ProbeTask(probe=probe, showing=asked, of=judgment.digest)


def rebuild_judgment_request(
    judge: JudgeSpec, question: Question, judgment: Judgment, answers: AnswersByKey
) -> JudgmentRequest | None:
    """Return what a judgment was made of; None when it was not made of this judge and prompt."""
    models, kind = judgment.models, JudgmentKind(judgment.kind)
    shown = [answers.get((question.question_id, name, judgment.sample)) for name in models]
    there = tuple(each for each in shown if each and len(each.turns) >= judgment.turn)
    if len(there) < len(models) or kind not in judge.prompts:
        return None
    showing = JudgmentRequest(judge=judge, question=question, turn=judgment.turn, answers=there)
    return showing if showing.digest() == judgment.digest else None


def _is_usable(answer: Answer, turn: int) -> bool:
    """Whether an answer is whole: to cut or mix one that is not would prove nothing."""
    replies = answer.turns[:turn]
    return len(replies) == turn and all(
        reply.text.strip() and not reply.is_truncated for reply in replies
    )
