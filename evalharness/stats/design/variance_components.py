"""Estimate variance components of judgments: questions, sampled answers, repeated judgments.

The design is nested with random effects: judgments within samples within questions. Henderson's
first method (Searle, Casella & McCulloch 1992, Variance Components, chapter 5) equates sums of
squares with their expectations; designs may be unbalanced. Negative estimates become zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from evalharness.stats.arrays import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponents:
    """The variance of one judgment by level; a level without repeats is part of the level above.

    Attributes:
        question: the variance of the true differences over questions.
        sample: the variance of answers to one question; None if each was answered once.
        judgment: the variance of judgments of one answer; None if each was judged once.
        samples: the number of answers to each question (the harmonic mean).
        judgments: the number of judgments of each answer.
    """

    question: float
    sample: float | None
    judgment: float | None
    samples: float
    judgments: float

    def variance(self, *, questions: float = 1, samples: float = 1, judgments: float = 1) -> float:
        """Return the variance of the mean, times the number of questions, for a scaled design.

        Args:
            questions: the factor on the number of questions.
            samples: the factor on the number of answers to each question.
            judgments: the factor on the number of judgments of each answer.
        """
        answers = (self.sample or 0.0) / (samples * self.samples)
        judged = (self.judgment or 0.0) / (samples * self.samples * judgments * self.judgments)
        return (self.question + answers + judged) / questions


JudgmentValues = tuple["npt.ArrayLike", "npt.ArrayLike", "npt.ArrayLike"]
"""Values, their questions and their samples, one entry for each judgment."""


def estimate_variance_components(groups: Iterable[JudgmentValues]) -> VarianceComponents:
    """Return the variance components, pooled over groups of judgments such as pairs of models.

    Args:
        groups: for each group, the values, and the number of each value's question and sample.

    Raises:
        ValueError: no group has two questions.
    """
    squares, degrees, factors = np.zeros(3), np.zeros(3), np.zeros((3, 2))
    questions = answers = values = 0
    for group in groups:
        own = _sums_of_squares(*(np.asarray(column) for column in group))
        if own is None:
            continue
        squares += own.squares
        degrees += own.degrees
        factors += own.factors
        questions, answers = questions + own.questions, answers + own.answers
        values += own.values
    if degrees[0] <= 0:
        msg = "two questions at least show a spread"
        raise ValueError(msg)
    judgment = squares[2] / degrees[2] if degrees[2] else 0.0
    sample = max(0.0, (squares[1] - degrees[1] * judgment) / factors[1, 1]) if degrees[1] else 0.0
    question = (squares[0] - degrees[0] * judgment - factors[0, 1] * sample) / factors[0, 0]
    return VarianceComponents(
        question=max(0.0, float(question)),
        sample=float(sample) if degrees[1] else None,
        judgment=float(judgment) if degrees[2] else None,
        samples=answers / questions,
        judgments=values / answers,
    )


@dataclass(frozen=True, slots=True)
class _SumsOfSquares:
    """Sums of squares by level, their degrees of freedom, and the coefficients of the variances."""

    squares: npt.NDArray[np.float64]
    degrees: npt.NDArray[np.float64]
    factors: npt.NDArray[np.float64]
    questions: int
    answers: int
    values: int


def _sums_of_squares(
    value: npt.NDArray[np.float64], question: IntArray, sample: IntArray
) -> _SumsOfSquares | None:
    answered, place = np.unique(np.stack([question, sample]), axis=1, return_inverse=True)
    _, of_answer = np.unique(answered[0], return_inverse=True)
    place, total = place.ravel(), len(value)
    each = np.bincount(place).astype(np.float64)
    per_question = np.bincount(of_answer, each)
    if len(per_question) < 2:  # noqa: PLR2004 - one shows no spread
        return None
    means = np.bincount(place, value) / each
    question_means = np.bincount(of_answer, each * means) / per_question
    grand = value.mean()
    shared = float((np.bincount(of_answer, each**2) / per_question).sum())
    factors = np.zeros((3, 2))
    factors[0] = (
        total - (per_question**2).sum() / total,
        shared - (each**2).sum() / total,
    )
    factors[1, 1] = total - shared
    return _SumsOfSquares(
        squares=np.array(
            [
                (per_question * (question_means - grand) ** 2).sum(),
                (each * (means - question_means[of_answer]) ** 2).sum(),
                ((value - means[place]) ** 2).sum(),
            ]
        ),
        degrees=np.array(
            [len(per_question) - 1, len(each) - len(per_question), total - len(each)], dtype=float
        ),
        factors=factors,
        questions=len(per_question),
        answers=len(each),
        values=total,
    )
