"""What the page unpacks when a question is opened: its answers, and apart from them the games.

Both are JSON-like and name models and judges by their numbers. Strangers' texts are data that the
script shows as text; only answers and references are HTML, made safe by `markdown`. An answer's
own text stands beside its HTML, which costs next to nothing, as the packing finds one in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness import prompts
from evalharness.domain import Kind, Winner
from evalharness.report import asked
from evalharness.report.dossiers import preferred
from evalharness.report.markdown import to_html
from evalharness.report.numerals import count, figure, percent

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
    from evalharness.report.dossiers import Dossier, Pair, Reply, TurnView
    from evalharness.report.facts import Facts

Texts = dict[tuple[str, int], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose prompts can be shown: judges by name, and models with their patterns."""

    judges: Mapping[str, JudgeSpec]
    models: Mapping[str, ModelSpec]
    patterns: Mapping[str, Sequence[str]]


def asked_of(facts: Facts) -> Asked:
    """Return what the run's configuration tells of prompts."""
    turns = max((len(question.turns) for question in facts.records.questions), default=0)
    models = asked.models_of(facts.records.config)
    return Asked(
        judges=asked.judges_of(facts.records.config),
        models=models,
        patterns={name: asked.model_patterns(spec, turns) for name, spec in models.items()},
    )


def told_of(facts: Facts, told: Asked) -> dict[str, Any]:
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


def answers_of(facts: Facts, told: Asked, dossier: Dossier) -> dict[str, Any]:
    """Return a question's turns with their answers, grades and battles, without games' words."""
    texts = _texts(dossier)
    return {
        "turns": [
            {
                "text": turn.text,
                "reference": to_html(turn.reference) if turn.reference else None,
                "rubric": list(dossier.question.rubric),
                "replies": [
                    _reply(facts, told, dossier.question, reply, texts) for reply in turn.replies
                ],
                "pairs": [_pair(facts, pair) for pair in turn.pairs],
            }
            for turn in dossier.turns
        ],
        "failures": [_failure(failure) for failure in dossier.failures],
    }


def games_of(facts: Facts, told: Asked, dossier: Dossier) -> dict[str, Any]:
    """Return by turn the games of each pair, and what judges were asked, with all words."""
    texts = _texts(dossier)
    patterns = [_patterns(facts, told, dossier.question, turn, texts) for turn in dossier.turns]

    def fence(kind: Kind, turn: TurnView, answers: Sequence[tuple[str, int]]) -> str | None:
        replies = [texts.get(answer, []) for answer in answers]
        if not patterns[turn.number - 1][kind] or min(map(len, replies)) < turn.number:
            return None
        return prompts.fence(dossier.question, replies, turn.number)

    return {
        "games": [
            [
                {
                    "fence": fence(
                        Kind.PAIRWISE, turn, [(name, pair.sample) for name in pair.models]
                    ),
                    "games": [_game(facts, game) for game in pair.games],
                }
                for pair in turn.pairs
            ]
            for turn in dossier.turns
        ],
        "grades": [
            [
                [
                    fence(Kind.GRADED, turn, [(reply.model, reply.sample)]),
                    *(grade.reply for grade in reply.grades),
                ]
                for reply in turn.replies
            ]
            for turn in dossier.turns
        ],
        "patterns": patterns,
    }


def _texts(dossier: Dossier) -> Texts:
    """Return each model's replies to all turns, by model and sample."""
    texts: Texts = {}
    for turn in dossier.turns:
        for reply in turn.replies:
            if reply.turn is not None:
                texts.setdefault((reply.model, reply.sample), []).append(reply.turn.text)
    return texts


def _reply(
    facts: Facts, told: Asked, question: Question, reply: Reply, texts: Texts
) -> dict[str, Any]:
    said = reply.turn
    spec = told.models.get(reply.model)
    own = texts.get((reply.model, reply.sample), [])
    return {
        "model": facts.number(reply.model),
        "sample": reply.sample,
        "html": None if said is None else to_html(said.text),
        "text": None if said is None else said.text,
        "cut": said is not None and said.is_truncated,
        "meta": None if said is None else _spent(said),
        "asked": spec is not None and asked.is_exact(spec, told.patterns[spec.name], question, own),
        "grades": [
            {
                "judge": facts.judges.index(grade.judge),
                "score": _score(grade.score),
                "unscored": grade.unscored,
                **_made(grade),
            }
            for grade in reply.grades
        ],
    }


def _score(score: float | None) -> str | None:
    return None if score is None else figure(score, 0 if score == int(score) else 1)


def _spent(turn: AnswerTurn) -> str:
    reason = turn.finish_reason if turn.finish_reason is not None else "not said"
    return " \N{MIDDLE DOT} ".join([*_usage(turn.usage), f"finish: {reason}"])


def _usage(usage: Usage) -> list[str]:
    parts = []
    if usage.prompt_tokens is not None:
        parts.append(f"{count(usage.prompt_tokens)} tokens in")
    if usage.completion_tokens is not None:
        parts.append(f"{count(usage.completion_tokens)} out")
    if usage.seconds:
        parts.append(f"{figure(usage.seconds, 1)} s")
    return parts


def _made(judgment: Judgment) -> dict[str, Any]:
    """Return what stands beside a decision: how sure it is, how it came about, what it took."""
    mass = judgment.mass
    remarks = [f"{percent(mass)} of the probability on a decision"] if mass is not None else []
    remarks += ["needed a repair"] if judgment.repaired else []
    return {"remark": ", ".join(remarks), "meta": " \N{MIDDLE DOT} ".join(_usage(judgment.usage))}


def _pair(facts: Facts, pair: Pair) -> list[Any]:
    """Return a battle: both models, judge, sample, winner (a model, -1 a tie), what is odd."""
    winner = None
    if pair.winner is not None:
        winner = -1 if pair.winner == Winner.TIE else facts.number(pair.winner)
    odd = ["orders disagree"] if pair.orders_disagree else []
    odd += ["unscored"] if any(game.unscored is not None for game in pair.games) else []
    first, second = map(facts.number, pair.models)
    return [first, second, facts.judges.index(pair.judge), pair.sample, winner, odd]


def _game(facts: Facts, game: PairwiseJudgment) -> dict[str, Any]:
    liked = preferred(game)
    return {
        "first": facts.number(game.model_a),
        "second": facts.number(game.model_b),
        "verdict": game.verdict,
        "liked": facts.number(liked) if liked in facts.models else None,
        "unscored": game.unscored,
        "reply": game.reply,
        **_made(game),
    }


def _patterns(
    facts: Facts, told: Asked, question: Question, turn: TurnView, texts: Texts
) -> dict[str, dict[int, str]]:
    """Return by kind and judge the patterns of what judges were shown at this turn."""
    found: dict[str, dict[int, str]] = {Kind.GRADED: {}, Kind.PAIRWISE: {}}
    shown = [
        (Kind.GRADED, grade.judge, grade.prompt, [(reply.model, reply.sample)])
        for reply in turn.replies
        for grade in reply.grades
    ] + [
        (Kind.PAIRWISE, game.judge, game.prompt, [(name, game.sample) for name in pair.models])
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
        pattern = asked.judge_pattern(spec, kind, question, turn.number, example)
        if pattern is not None:
            found[kind][facts.judges.index(judge)] = pattern
    return found


def _failure(failure: Failure) -> list[str]:
    at = "" if failure.turn is None else f", turn {failure.turn}"
    tries = "attempt" if failure.attempts == 1 else "attempts"
    return [
        f"{failure.stage} failed",
        f"{failure.model}{at}, {failure.reason} after {failure.attempts} {tries}. ",
        failure.detail,
    ]
