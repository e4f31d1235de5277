"""Build the JSON of a question that the page unpacks when a reader opens the question.

Answers and games are separate. Both name models and judges by their numbers. Untrusted texts are
data that the script shows as text; only answers and references are HTML, sanitized by `markdown`.
The text of an answer is stored next to its HTML; compression makes the repetition almost free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain import JudgmentKind, Winner
from evalharness.judge import choose_fence
from evalharness.report.number_format import format_number
from evalharness.report.page.markdown import render_markdown
from evalharness.report.page.prompt_patterns import (
    is_exact_pattern,
    make_judge_pattern,
    make_model_patterns,
    read_judge_specs,
    read_model_specs,
)
from evalharness.report.page.question_records import preferred_model
from evalharness.report.page.question_remarks import (
    EMPTY_TEXTS,
    describe_cut,
    describe_judgment,
    describe_thought,
    describe_turn_usage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import (
        Failure,
        JudgeSpec,
        ModelSpec,
        PairwiseJudgment,
        Question,
    )
    from evalharness.report.page.page_data import PageData
    from evalharness.report.page.question_records import (
        ComparedPair,
        QuestionRecord,
        ReplyRecord,
        TurnRecord,
    )

RepliesByModel = dict[tuple[str, int], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPatterns:
    """The judges and models whose prompts can be shown, and the patterns of the models."""

    judges: Mapping[str, JudgeSpec]
    models: Mapping[str, ModelSpec]
    patterns: Mapping[str, Sequence[str]]


def make_prompt_patterns(data: PageData) -> PromptPatterns:
    """Return the prompts that follow from the configuration of the run."""
    turns = max((len(question.turns) for question in data.records.questions), default=0)
    models = read_model_specs(data.records.config)
    return PromptPatterns(
        judges=read_judge_specs(data.records.config),
        models=models,
        patterns={name: make_model_patterns(spec, turns) for name, spec in models.items()},
    )


def build_page_json(data: PageData, prompts: PromptPatterns) -> dict[str, Any]:
    """Return the data that the script of the page reads without unpacking."""
    return {
        "run": data.records.name,
        "models": list(data.models),
        "judges": list(data.judges),
        "ids": [question.question_id for question in data.records.questions],
        "turns": [len(question.turns) for question in data.records.questions],
        "judged": sorted({battle.turn for battle in data.battles}),
        "graded": sorted({grade.turn for grade in data.records.graded}),
        "patterns": {name: list(patterns) for name, patterns in prompts.patterns.items()},
    }


def build_answers_json(
    data: PageData, prompts: PromptPatterns, record: QuestionRecord
) -> dict[str, Any]:
    """Return the turns of a question with answers, grades and battles, without the games."""
    texts = _replies_by_model(record)
    return {
        "turns": [
            {
                "text": turn.text,
                "reference": render_markdown(turn.reference) if turn.reference else None,
                "rubric": list(record.question.rubric),
                "replies": [
                    _reply_json(data, prompts, record, reply, texts) for reply in turn.replies
                ],
                "pairs": [_pair_json(data, pair) for pair in turn.pairs],
            }
            for turn in record.turns
        ],
        "failures": [_failure_json(failure) for failure in record.failures],
    }


def build_games_json(
    data: PageData, prompts: PromptPatterns, record: QuestionRecord
) -> dict[str, Any]:
    """Return the games of each pair and the patterns of the judges' prompts, by turn."""
    texts = _replies_by_model(record)
    patterns = [
        _judge_patterns(data, prompts, record.question, turn, texts) for turn in record.turns
    ]

    def fence(
        kind: JudgmentKind, turn: TurnRecord, answers: Sequence[tuple[str, int]]
    ) -> str | None:
        replies = [texts.get(answer, []) for answer in answers]
        if not patterns[turn.number - 1][kind] or min(map(len, replies)) < turn.number:
            return None
        return choose_fence(record.question, replies, turn.number)

    return {
        "games": [
            [
                {
                    "fence": fence(
                        JudgmentKind.PAIRWISE, turn, [(name, pair.sample) for name in pair.models]
                    ),
                    "games": [_game_json(data, game) for game in pair.games],
                }
                for pair in turn.pairs
            ]
            for turn in record.turns
        ],
        "grades": [
            [
                [
                    fence(JudgmentKind.GRADED, turn, [(reply.model, reply.sample)]),
                    *([grade.reply, grade.reasoning] for grade in reply.grades),
                ]
                for reply in turn.replies
            ]
            for turn in record.turns
        ],
        "thoughts": [
            [reply.turn.reasoning if reply.turn else None for reply in turn.replies]
            for turn in record.turns
        ],
        "patterns": patterns,
    }


def _replies_by_model(record: QuestionRecord) -> RepliesByModel:
    """Return the replies of each model to all turns, by model and sample."""
    texts: RepliesByModel = {}
    for turn in record.turns:
        for reply in turn.replies:
            if reply.turn is not None:
                texts.setdefault((reply.model, reply.sample), []).append(reply.turn.text)
    return texts


def _list_thoughts(record: QuestionRecord, reply: ReplyRecord) -> list[str | None]:
    """Return the thoughts of a model before its replies to all turns of this sample."""
    author = (reply.model, reply.sample)
    return [
        each.turn.reasoning
        for turn in record.turns
        for each in turn.replies
        if each.turn is not None and (each.model, each.sample) == author
    ]


def _reply_json(
    data: PageData,
    prompts: PromptPatterns,
    record: QuestionRecord,
    reply: ReplyRecord,
    texts: RepliesByModel,
) -> dict[str, Any]:
    turn = reply.turn
    spec = prompts.models.get(reply.model)
    own = texts.get((reply.model, reply.sample), [])
    return {
        "model": data.model_number(reply.model),
        "sample": reply.sample,
        "html": None if turn is None else render_markdown(turn.text),
        "text": None if turn is None else turn.text,
        "cut": describe_cut(turn) if turn is not None and turn.is_truncated else None,
        "empty": None
        if turn is None or turn.empty_cause is None
        else EMPTY_TEXTS[turn.empty_cause],
        "thought": None if turn is None or not turn.reasoning else describe_thought(turn.usage),
        "meta": None if turn is None else describe_turn_usage(turn),
        "asked": spec is not None
        and is_exact_pattern(
            spec, prompts.patterns[spec.name], record.question, own, _list_thoughts(record, reply)
        ),
        "grades": [
            {
                "judge": data.judges.index(grade.judge),
                "score": _score_text(grade.score),
                "unscored": grade.unscored,
                **describe_judgment(grade),
            }
            for grade in reply.grades
        ],
    }


def _score_text(score: float | None) -> str | None:
    return None if score is None else format_number(score, 0 if score == int(score) else 1)


def _pair_json(data: PageData, pair: ComparedPair) -> list[Any]:
    """Return a battle: both models, judge, sample, winner (a model; -1 is a tie), and problems."""
    winner = None
    if pair.winner is not None:
        winner = -1 if pair.winner == Winner.TIE else data.model_number(pair.winner)
    problems = ["orders disagree"] if pair.orders_disagree else []
    problems += ["unscored"] if any(game.unscored is not None for game in pair.games) else []
    first, second = map(data.model_number, pair.models)
    return [first, second, data.judges.index(pair.judge), pair.sample, winner, problems]


def _game_json(data: PageData, game: PairwiseJudgment) -> dict[str, Any]:
    preferred = preferred_model(game)
    return {
        "first": data.model_number(game.model_a),
        "second": data.model_number(game.model_b),
        "verdict": game.verdict,
        "liked": data.model_number(preferred) if preferred in data.models else None,
        "unscored": game.unscored,
        "reply": game.reply,
        "thought": game.reasoning,
        **describe_judgment(game),
    }


def _judge_patterns(
    data: PageData,
    prompts: PromptPatterns,
    question: Question,
    turn: TurnRecord,
    texts: RepliesByModel,
) -> dict[str, dict[int, str]]:
    """Return the patterns of the judges' prompts at this turn, by kind and judge."""
    found: dict[str, dict[int, str]] = {JudgmentKind.GRADED: {}, JudgmentKind.PAIRWISE: {}}
    judged = [
        (JudgmentKind.GRADED, grade.judge, grade.prompt, [(reply.model, reply.sample)])
        for reply in turn.replies
        for grade in reply.grades
    ] + [
        (
            JudgmentKind.PAIRWISE,
            game.judge,
            game.prompt,
            [(name, game.sample) for name in pair.models],
        )
        for pair in turn.pairs
        for game in pair.games
    ]
    known = set()
    for kind, judge, prompt, models in judged:
        spec = prompts.judges.get(judge)
        if spec is None or (kind, judge) in known or spec.prompts[kind].name != prompt:
            continue
        known.add((kind, judge))
        example = [texts.get(model, []) for model in models]
        pattern = make_judge_pattern(spec, kind, question, turn.number, example)
        if pattern is not None:
            found[kind][data.judges.index(judge)] = pattern
    return found


def _failure_json(failure: Failure) -> list[str]:
    at = "" if failure.turn is None else f", turn {failure.turn}"
    tries = "attempt" if failure.attempts == 1 else "attempts"
    return [
        f"{failure.stage} failed",
        f"{failure.model}{at}, {failure.reason} after {failure.attempts} {tries}. ",
        failure.detail,
    ]
