"""Define the fields of MT-bench's rows, and render our records as such rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Verdict
from evalharness.formats.rows.row_writer import find_source_label, to_number_if_plain
from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import GradedJudgment, PairwiseJudgment, Question, Vote

HUMAN_NAME_PREFIX = f"{HUMAN_PREFIX}:"
UNPARSED_SCORE = -1
"""The score that FastChat writes if it could not read the judge's reply."""

FIELDS_BY_KIND = {
    "pair": {"model_1", "model_2"},
    "grade": {"model", "score", "judgment"},
    "vote": {"model_a", "model_b", "winner"},
    "question": {"question_id", "turns"},
}
"""The fields that tell the kind of a row."""


class MtBenchQuestion(msgspec.Struct):
    """A question."""

    question_id: int | str
    category: str
    turns: list[str]


class MtBenchChoice(msgspec.Struct):
    """One of several answers to the same question."""

    turns: list[str]


class MtBenchAnswer(msgspec.Struct):
    """The answers of a model to a question, or the reference answer."""

    question_id: int | str
    model_id: str
    choices: list[MtBenchChoice]


class MtBenchGrade(msgspec.Struct):
    """The grade of one answer at one turn."""

    question_id: int | str
    model: str
    judge: str | list[str]
    judgment: str
    score: float
    turn: int


class MtBenchPair(msgspec.Struct):
    """The comparison of two answers: two games, or a single `winner`, or two grades."""

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
    """The preference of a person or a judge between two answers."""

    question_id: int | str
    model_a: str
    model_b: str
    winner: str
    judge: str | list[str]
    turn: int = 1


def render_question_row(question: Question) -> dict[str, Any]:
    """Return a question as a row."""
    return {
        "question_id": to_number_if_plain(question.question_id),
        "category": question.category,
        "turns": list(question.turns),
    }


def render_reference_row(question: Question) -> dict[str, Any]:
    """Return the references of a question as the row of an answer."""
    texts = [text for text in question.references if text is not None]
    return render_answer_row(question.question_id, "reference", [texts])


def render_answer_row(
    question_id: str, model: str, texts: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Return the answers of a model to a question as a row.

    Args:
        question_id: the question.
        model: the model.
        texts: for each sample, the texts of its turns.
    """
    return {
        "question_id": to_number_if_plain(question_id),
        "model_id": model,
        "choices": [{"index": index, "turns": list(turns)} for index, turns in enumerate(texts)],
    }


def render_grade_row(grade: GradedJudgment) -> dict[str, Any]:
    """Return a grade as a row; a missing score is -1."""
    return {
        "question_id": to_number_if_plain(grade.question_id),
        "model": grade.model,
        "judge": [grade.judge, grade.prompt],
        "judgment": grade.reply,
        "score": UNPARSED_SCORE if grade.score is None else _to_int_if_whole(grade.score),
        "turn": grade.turn,
    }


def render_pair_row(game: PairwiseJudgment, swapped: PairwiseJudgment | None) -> dict[str, Any]:
    """Return two games as a row, which names the winners by model and not by place."""
    first_winners = {Verdict.A: "model_1", Verdict.B: "model_2", Verdict.TIE: "tie", None: "error"}
    second_winners = {Verdict.A: "model_2", Verdict.B: "model_1", Verdict.TIE: "tie", None: "error"}
    return {
        "question_id": to_number_if_plain(game.question_id),
        "model_1": game.model_a,
        "model_2": game.model_b,
        "g1_winner": first_winners[game.verdict],
        "g2_winner": second_winners[swapped.verdict if swapped else None],
        "judge": [game.judge, game.prompt],
        "g1_judgment": game.reply,
        "g2_judgment": swapped.reply if swapped else "",
        "turn": game.turn,
    }


def render_single_winner_row(vote: Vote) -> dict[str, Any]:
    """Return a vote as the row of a pair that has one winner."""
    return {
        "question_id": to_number_if_plain(vote.question_id),
        "model_1": vote.model_a,
        "model_2": vote.model_b,
        "judge": [vote.judge, vote.prompt],
        "turn": vote.turn,
    }


def render_vote_row(vote: Vote) -> dict[str, Any]:
    """Return a vote as a row."""
    return {
        "question_id": to_number_if_plain(vote.question_id),
        "model_a": vote.model_a,
        "model_b": vote.model_b,
        "winner": find_source_label(vote),
        "judge": vote.judge.removeprefix(HUMAN_NAME_PREFIX),
        "turn": vote.turn,
    }


def _to_int_if_whole(score: float) -> float:
    return int(score) if score.is_integer() else score
