"""What the page unpacks when a question is opened: its answers, and apart from them the games.

Both are JSON-like and name models and judges by their numbers. Strangers' texts are data that the
script shows as text; only answers and references are HTML, made safe by `markdown`. An answer's
own text stands beside its HTML, which costs next to nothing, as the packing finds one in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain import JudgmentKind, Winner
from evalharness.judge import choose_fence
from evalharness.report.number_format import format_count, format_number, format_percent
from evalharness.report.page.markdown import render_markdown
from evalharness.report.page.prompt_patterns import (
    is_exact_pattern,
    make_judge_pattern,
    make_model_patterns,
    read_judge_specs,
    read_model_specs,
)
from evalharness.report.page.question_records import preferred_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import (
        AnswerTurn,
        Failure,
        JudgeSpec,
        Judgment,
        ModelSpec,
        PairwiseJudgment,
        Question,
        Usage,
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
    """Whose prompts can be shown: judges by name, and models with their patterns."""

    judges: Mapping[str, JudgeSpec]
    models: Mapping[str, ModelSpec]
    patterns: Mapping[str, Sequence[str]]


def make_prompt_patterns(facts: PageData) -> PromptPatterns:
    """Return what the run's configuration tells of prompts."""
    turns = max((len(question.turns) for question in facts.records.questions), default=0)
    models = read_model_specs(facts.records.config)
    return PromptPatterns(
        judges=read_judge_specs(facts.records.config),
        models=models,
        patterns={name: make_model_patterns(spec, turns) for name, spec in models.items()},
    )


def build_page_json(facts: PageData, told: PromptPatterns) -> dict[str, Any]:
    """Return what the page's script has at hand without unpacking anything."""
    return {
        "run": facts.records.name,
        "models": list(facts.models),
        "judges": list(facts.judges),
        "ids": [question.question_id for question in facts.records.questions],
        "turns": [len(question.turns) for question in facts.records.questions],
        "judged": sorted({battle.turn for battle in facts.battles}),
        "graded": sorted({grade.turn for grade in facts.records.graded}),
        "patterns": {name: list(patterns) for name, patterns in told.patterns.items()},
    }


def build_answers_json(
    facts: PageData, told: PromptPatterns, dossier: QuestionRecord
) -> dict[str, Any]:
    """Return a question's turns with their answers, grades and battles, without games' words."""
    texts = _replies_by_model(dossier)
    return {
        "turns": [
            {
                "text": turn.text,
                "reference": render_markdown(turn.reference) if turn.reference else None,
                "rubric": list(dossier.question.rubric),
                "replies": [
                    _reply_json(facts, told, dossier.question, reply, texts)
                    for reply in turn.replies
                ],
                "pairs": [_pair_json(facts, pair) for pair in turn.pairs],
            }
            for turn in dossier.turns
        ],
        "failures": [_failure_json(failure) for failure in dossier.failures],
    }


def build_games_json(
    facts: PageData, told: PromptPatterns, dossier: QuestionRecord
) -> dict[str, Any]:
    """Return by turn the games of each pair, and what judges were asked, with all words."""
    texts = _replies_by_model(dossier)
    patterns = [
        _judge_patterns(facts, told, dossier.question, turn, texts) for turn in dossier.turns
    ]

    def fence(
        kind: JudgmentKind, turn: TurnRecord, answers: Sequence[tuple[str, int]]
    ) -> str | None:
        replies = [texts.get(answer, []) for answer in answers]
        if not patterns[turn.number - 1][kind] or min(map(len, replies)) < turn.number:
            return None
        return choose_fence(dossier.question, replies, turn.number)

    return {
        "games": [
            [
                {
                    "fence": fence(
                        JudgmentKind.PAIRWISE, turn, [(name, pair.sample) for name in pair.models]
                    ),
                    "games": [_game_json(facts, game) for game in pair.games],
                }
                for pair in turn.pairs
            ]
            for turn in dossier.turns
        ],
        "grades": [
            [
                [
                    fence(JudgmentKind.GRADED, turn, [(reply.model, reply.sample)]),
                    *(grade.reply for grade in reply.grades),
                ]
                for reply in turn.replies
            ]
            for turn in dossier.turns
        ],
        "patterns": patterns,
    }


def _replies_by_model(dossier: QuestionRecord) -> RepliesByModel:
    """Return each model's replies to all turns, by model and sample."""
    texts: RepliesByModel = {}
    for turn in dossier.turns:
        for reply in turn.replies:
            if reply.turn is not None:
                texts.setdefault((reply.model, reply.sample), []).append(reply.turn.text)
    return texts


def _reply_json(
    facts: PageData,
    told: PromptPatterns,
    question: Question,
    reply: ReplyRecord,
    texts: RepliesByModel,
) -> dict[str, Any]:
    said = reply.turn
    spec = told.models.get(reply.model)
    own = texts.get((reply.model, reply.sample), [])
    return {
        "model": facts.number(reply.model),
        "sample": reply.sample,
        "html": None if said is None else render_markdown(said.text),
        "text": None if said is None else said.text,
        "cut": said is not None and said.is_truncated,
        "meta": None if said is None else _turn_usage_text(said),
        "asked": spec is not None
        and is_exact_pattern(spec, told.patterns[spec.name], question, own),
        "grades": [
            {
                "judge": facts.judges.index(grade.judge),
                "score": _score_text(grade.score),
                "unscored": grade.unscored,
                **_judgment_remarks(grade),
            }
            for grade in reply.grades
        ],
    }


def _score_text(score: float | None) -> str | None:
    return None if score is None else format_number(score, 0 if score == int(score) else 1)


def _turn_usage_text(turn: AnswerTurn) -> str:
    reason = turn.finish_reason if turn.finish_reason is not None else "not said"
    return " \N{MIDDLE DOT} ".join([*_usage_parts(turn.usage), f"finish: {reason}"])


def _usage_parts(usage: Usage) -> list[str]:
    parts = []
    if usage.prompt_tokens is not None:
        parts.append(f"{format_count(usage.prompt_tokens)} tokens in")
    if usage.completion_tokens is not None:
        parts.append(f"{format_count(usage.completion_tokens)} out")
    if usage.seconds:
        parts.append(f"{format_number(usage.seconds, 1)} s")
    return parts


def _judgment_remarks(judgment: Judgment) -> dict[str, Any]:
    """Return what stands beside a decision: how sure it is, how it came about, what it took."""
    mass = judgment.mass
    remarks = (
        [f"{format_percent(mass)} of the probability on a decision"] if mass is not None else []
    )
    remarks += ["needed a repair"] if judgment.repaired else []
    return {
        "remark": ", ".join(remarks),
        "meta": " \N{MIDDLE DOT} ".join(_usage_parts(judgment.usage)),
    }


def _pair_json(facts: PageData, pair: ComparedPair) -> list[Any]:
    """Return a battle: both models, judge, sample, winner (a model, -1 a tie), what is odd."""
    winner = None
    if pair.winner is not None:
        winner = -1 if pair.winner == Winner.TIE else facts.number(pair.winner)
    odd = ["orders disagree"] if pair.orders_disagree else []
    odd += ["unscored"] if any(game.unscored is not None for game in pair.games) else []
    first, second = map(facts.number, pair.models)
    return [first, second, facts.judges.index(pair.judge), pair.sample, winner, odd]


def _game_json(facts: PageData, game: PairwiseJudgment) -> dict[str, Any]:
    liked = preferred_model(game)
    return {
        "first": facts.number(game.model_a),
        "second": facts.number(game.model_b),
        "verdict": game.verdict,
        "liked": facts.number(liked) if liked in facts.models else None,
        "unscored": game.unscored,
        "reply": game.reply,
        **_judgment_remarks(game),
    }


def _judge_patterns(
    facts: PageData,
    told: PromptPatterns,
    question: Question,
    turn: TurnRecord,
    texts: RepliesByModel,
) -> dict[str, dict[int, str]]:
    """Return by kind and judge the patterns of what judges were shown at this turn."""
    found: dict[str, dict[int, str]] = {JudgmentKind.GRADED: {}, JudgmentKind.PAIRWISE: {}}
    shown = [
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
    tried = set()
    for kind, judge, prompt, models in shown:
        spec = told.judges.get(judge)
        if spec is None or (kind, judge) in tried or spec.prompts[kind].name != prompt:
            continue
        tried.add((kind, judge))
        example = [texts.get(model, []) for model in models]
        pattern = make_judge_pattern(spec, kind, question, turn.number, example)
        if pattern is not None:
            found[kind][facts.judges.index(judge)] = pattern
    return found


def _failure_json(failure: Failure) -> list[str]:
    at = "" if failure.turn is None else f", turn {failure.turn}"
    tries = "attempt" if failure.attempts == 1 else "attempts"
    return [
        f"{failure.stage} failed",
        f"{failure.model}{at}, {failure.reason} after {failure.attempts} {tries}. ",
        failure.detail,
    ]
