"""MT-bench's rows: the fields that are read of them, and our records rendered as them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Verdict
from evalharness.formats.rows.row_writer import find_source_label, to_number_if_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import GradedJudgment, PairwiseJudgment, Question, Vote

HUMAN_PREFIX = "human:"
UNPARSED = -1
"""What FastChat writes for a grade that it could not read."""

FIELDS_BY_KIND = {
    "pair": {"model_1", "model_2"},
    "grade": {"model", "score", "judgment"},
    "vote": {"model_a", "model_b", "winner"},
    "question": {"question_id", "turns"},
}
"""The fields by which a row shows what it is."""


class MtBenchQuestion(msgspec.Struct):
    """A question."""

    question_id: int | str
    category: str
    turns: list[str]


class MtBenchChoice(msgspec.Struct):
    """One of several answers to the same question."""

    turns: list[str]


class MtBenchAnswer(msgspec.Struct):
    """A model's answers to a question, or its reference."""

    question_id: int | str
    model_id: str
    choices: list[MtBenchChoice]


class MtBenchGrade(msgspec.Struct):
    """One answer graded at one turn."""

    question_id: int | str
    model: str
    judge: str | list[str]
    judgment: str
    score: float
    turn: int


class MtBenchPair(msgspec.Struct):
    """Two answers compared: two games, or a single `winner`, or two grades compared."""

    question_id: int | str
    model_1: str
    model_2: str
    judge: str | list[str]
    winner: str | None = None
    g1_winner: str | None = None
    g2_winner: str | None = None
    g1_judgment: str = ""
    g2_judgment: str = ""
    m1_score: float | None = None
    m2_score: float | None = None
    turn: int = 1


class MtBenchVote(msgspec.Struct):
    """Somebody's preference between two answers."""

    question_id: int | str
    model_a: str
    model_b: str
    winner: str
    judge: str | list[str]
    turn: int = 1


def question_row(question: Question) -> dict[str, Any]:
    """Return a question as its row."""
    return {
        "question_id": to_number_if_plain(question.question_id),
        "category": question.category,
        "turns": list(question.turns),
    }


def reference_row(question: Question) -> dict[str, Any]:
    """Return a question's references as an answer's row."""
    texts = [text for text in question.references if text is not None]
    return answer_row(question.question_id, "reference", [texts])


def answer_row(question_id: str, model: str, texts: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return the answers to a question, the turns of one sample after another."""
    return {
        "question_id": to_number_if_plain(question_id),
        "model_id": model,
        "choices": [{"index": index, "turns": list(turns)} for index, turns in enumerate(texts)],
    }


def grade_row(grade: GradedJudgment) -> dict[str, Any]:
    """Return a grade as its row; FastChat writes -1 for one that could not be read."""
    return {
        "question_id": to_number_if_plain(grade.question_id),
        "model": grade.model,
        "judge": [grade.judge, grade.prompt],
        "judgment": grade.reply,
        "score": UNPARSED if grade.score is None else _short(grade.score),
        "turn": grade.turn,
    }


def pair_row(game: PairwiseJudgment, swapped: PairwiseJudgment | None) -> dict[str, Any]:
    """Return two games as their row, in which winners are models and no longer places."""
    back = {Verdict.A: "model_2", Verdict.B: "model_1", Verdict.TIE: "tie", None: "error"}
    forth = {Verdict.A: "model_1", Verdict.B: "model_2", Verdict.TIE: "tie", None: "error"}
    return {
        "question_id": to_number_if_plain(game.question_id),
        "model_1": game.model_a,
        "model_2": game.model_b,
        "g1_winner": forth[game.verdict],
        "g2_winner": back[swapped.verdict if swapped else None],
        "judge": [game.judge, game.prompt],
        "g1_judgment": game.reply,
        "g2_judgment": swapped.reply if swapped else "",
        "turn": game.turn,
    }


def single_winner_row(vote: Vote) -> dict[str, Any]:
    """Return a vote as the row of a pair that has one winner."""
    return {
        "question_id": to_number_if_plain(vote.question_id),
        "model_1": vote.model_a,
        "model_2": vote.model_b,
        "judge": [vote.judge, vote.prompt],
        "turn": vote.turn,
    }


def vote_row(vote: Vote) -> dict[str, Any]:
    """Return a vote as its row."""
    return {
        "question_id": to_number_if_plain(vote.question_id),
        "model_a": vote.model_a,
        "model_b": vote.model_b,
        "winner": find_source_label(vote),
        "judge": vote.judge.removeprefix(HUMAN_PREFIX),
        "turn": vote.turn,
    }


def _short(score: float) -> float:
    return int(score) if score.is_integer() else score
