"""List the requests of an audit to a run's judges: probes, and repeats of some judgments."""

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
    """One request of an audit to a judge.

    Attributes:
        probe: the kind of probe.
        request: what the judge is shown.
        repeated: the digest of the judgment that is repeated; None for other probes.
        shown_first: whether the answer that should not lose is shown first.
        number: the number of the repeat, if a judgment is repeated several times.
    """

    probe: Probe
    request: JudgmentRequest
    repeated: str | None = None
    shown_first: bool = True
    number: int = 0

    @property
    def digest(self) -> str:
        """The key: the kind of probe, all that the judge is shown, and the number of the repeat."""
        number = [self.number] if self.number else []
        return compute_digest([self.probe, self.request.judge.name, self.request.digest(), *number])


def plan_probe_tasks(spec: RunSpec, audit: AuditSpec, records: RunRecords) -> tuple[ProbeTask, ...]:
    """Return all requests of an audit, for every judge."""
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
    tasks: list[ProbeTask] = []
    for judge in spec.judges:
        if JudgmentKind.PAIRWISE in judge.prompts:
            tasks += _probe_game_tasks(judge, chosen, answered, usable, turn, spec.seed)
        tasks += _repeat_tasks(judge, chosen, answers, records)
    return tuple(tasks)


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
        off_topic = _off_topic_answer(question, answer, answered, usable)
        for game in build_probe_games(answer, turn, off_topic, rng):
            yield ProbeTask(
                probe=game.probe,
                request=JudgmentRequest(
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
    """Return an answer to another question, if possible of another category and by the same model.

    It is the next such question in the list, which starts over after its end.
    """
    index = answered.index(question)
    candidates = [
        (
            (other.category == question.category, each.model != answer.model, step),
            each,
        )
        for step, other in enumerate((*answered[index + 1 :], *answered[:index]))
        for each in usable[other.question_id]
    ]
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _repeat_tasks(
    judge: JudgeSpec, chosen: Sequence[Question], answers: AnswersByKey, records: RunRecords
) -> Iterator[ProbeTask]:
    """Yield one judgment of each kind per question: as requested, and without its reference."""
    questions = {question.question_id: question for question in chosen}
    seen: set[tuple[Probe, JudgmentKind, str]] = set()
    for judgment in sorted(records.judgments, key=lambda row: row.digest):
        question = questions.get(judgment.question_id)
        if question is None or judgment.judge != judge.name:
            continue
        request = rebuild_judgment_request(judge, question, judgment, answers)
        if request is None:
            continue
        without_reference = replace(request, question=replace(question, references=()))
        for probe, request_to_send in (
            (Probe.REPEATED, request),
            (Probe.WITHOUT_REFERENCE, without_reference),
        ):
            place = (probe, request_to_send.kind, question.question_id)
            has_reference = any(question.references[: judgment.turn])
            if place in seen or (probe is Probe.WITHOUT_REFERENCE and not has_reference):
                continue
            seen.add(place)
            yield ProbeTask(probe=probe, request=request_to_send, repeated=judgment.digest)


def rebuild_judgment_request(
    judge: JudgeSpec, question: Question, judgment: Judgment, answers: AnswersByKey
) -> JudgmentRequest | None:
    """Return the request that made a judgment; None if the judge, prompt or answers have changed."""
    models, kind = judgment.models, JudgmentKind(judgment.kind)
    shown = [answers.get((question.question_id, name, judgment.sample)) for name in models]
    complete = tuple(each for each in shown if each and len(each.turns) >= judgment.turn)
    if len(complete) < len(models) or kind not in judge.prompts:
        return None
    request = JudgmentRequest(judge=judge, question=question, turn=judgment.turn, answers=complete)
    return request if request.digest() == judgment.digest else None


def _is_usable(answer: Answer, turn: int) -> bool:
    """Return whether an answer is complete; a probe made of an incomplete answer proves nothing."""
    replies = answer.turns[:turn]
    return len(replies) == turn and all(
        reply.text.strip() and not reply.is_truncated for reply in replies
    )
