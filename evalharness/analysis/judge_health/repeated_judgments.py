"""Pair judgments of a run with later replies to the same prompts, and convert them to arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.label_numbers import number_labels
from evalharness.domain import PairwiseJudgment, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Judgment
    from evalharness.stats import FloatArray, IntArray


VERDICT_CATEGORIES = (Verdict.A, Verdict.B, Verdict.TIE, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedJudgment:
    """One judgment of a run with the judge's later replies to the same prompt.

    Attributes:
        before: the judgment of the run.
        later: the later judgments; fewer than requested where a request failed.
    """

    before: Judgment
    later: tuple[Judgment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyArrays:
    """The replies to prompts of one kind, as arrays.

    Attributes:
        category: the category of each reply; a row per prompt, a column per reply.
        score: the score of each reply, NaN without one; the same shape.
        question: the number of each prompt's question.
        noun: `verdict` or `grade`.
    """

    category: IntArray
    score: FloatArray
    question: IntArray
    noun: str


def build_reply_arrays(repeated: Sequence[RepeatedJudgment], noun: str) -> ReplyArrays:
    """Return repeated judgments as arrays."""
    rows = [(each.before, *each.later) for each in repeated]
    return ReplyArrays(
        category=np.array(
            [[_reply_category(reply) for reply in row] for row in rows], dtype=np.int64
        ),
        score=np.array([[_reply_score(reply) for reply in row] for row in rows], dtype=np.float64),
        question=number_labels(row[0].question_id for row in rows),
        noun=noun,
    )


def _reply_category(reply: Judgment) -> int:
    """Return the number of a verdict, or a grade as a whole number; unread is a category too."""
    if isinstance(reply, PairwiseJudgment):
        return VERDICT_CATEGORIES.index(reply.verdict)
    return 0 if reply.score is None else round(reply.score)


def _reply_score(reply: Judgment) -> float:
    """Return the score of a reply; NaN for a verdict or an unread grade."""
    score = None if isinstance(reply, PairwiseJudgment) else reply.score
    return math.nan if score is None else score


def list_served_models(judgments: Sequence[Judgment]) -> tuple[str, ...]:
    """Return the model versions that the server reported, sorted."""
    return tuple(sorted({each.served for each in judgments if each.served}))
