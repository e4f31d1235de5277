"""Define the fields of the Vicuna evaluation's rows, and render our records as such rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.formats.rows.row_writer import to_number_if_plain
from evalharness.formats.rows.unmapped_fields import make_answer_key

if TYPE_CHECKING:
    from evalharness.domain import Question, Vote

UNPARSED_SCORES = [-1.0, -1.0]
"""The scores that FastChat writes if it could not read the judge's reply."""


class VicunaQuestion(msgspec.Struct):
    """A question."""

    question_id: int | str
    text: str
    category: str


class VicunaAnswer(msgspec.Struct):
    """The answer of a model."""

    question_id: int | str
    text: str
    model_id: str
    answer_id: str = ""


class VicunaReviewer(msgspec.Struct):
    """A reviewer: the prompt of a judge for one category of questions."""

    reviewer_id: int | str
    category: str = ""


class VicunaReview(msgspec.Struct):
    """The scores of two answers."""

    question_id: int | str
    text: str
    score: list[float]
    reviewer_id: int | str
    answer1_id: str = ""
    answer2_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VicunaJudge:
    """A judge, and the name of its prompt for one category of questions."""

    name: str
    judge: str


def render_question(question: Question) -> dict[str, Any]:
    """Return a question as a row."""
    return {
        "question_id": to_number_if_plain(question.question_id),
        "text": question.turns[0],
        "category": question.category,
    }


def render_answer(model: str, question_id: str, text: str) -> dict[str, Any]:
    """Return the answer of a model as a row."""
    return {
        "answer_id": make_answer_key(model, question_id),
        "model_id": model,
        "question_id": to_number_if_plain(question_id),
        "text": text,
        "metadata": {},
    }


def render_review(vote: Vote) -> dict[str, Any]:
    """Return a vote as a row."""
    return {
        "review_id": vote.digest,
        "question_id": to_number_if_plain(vote.question_id),
        "answer1_id": make_answer_key(vote.model_a, vote.question_id),
        "answer2_id": make_answer_key(vote.model_b, vote.question_id),
        "reviewer_id": vote.judge,
        "text": vote.reply,
        "score": list(vote.scores) if vote.scores else UNPARSED_SCORES,
        "metadata": {},
    }
