"""Test the difference between two models: interval, p value and minimum detectable effect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

from evalharness.stats.intervals.bounded_means import guard_interval, guard_p_value
from evalharness.stats.intervals.estimates import critical_value
from evalharness.stats.intervals.question_means import QuestionMeans

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray

_POWER = 0.8


class NonInferiority(StrEnum):
    """Whether a model is worse than another by more than a margin."""

    NOT_WORSE = "not worse"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceTest:
    """The difference of two models with a paired, clustered test.

    All figures except the value are NaN for a single cluster.

    Attributes:
        value: the estimate, in the unit of the input.
        standard_error: the standard error, clustered by question.
        low: the lower end of the interval.
        high: the upper end of the interval.
        p_value: the two-sided p value of no difference.
        detectable: the minimum detectable effect: the smallest true difference that a test of
            the same size detects with probability `power`.
        clusters: the number of questions.
        level: the interval's level.
        power: the power to which `detectable` refers.
    """

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float
    detectable: float
    clusters: int
    level: float
    power: float

    def decide_non_inferiority(self, max_drop: float = 0.0) -> NonInferiority:
        """Return whether the interval excludes a drop by more than `max_drop`, or proves one.

        Args:
            max_drop: the non-inferiority margin, in the unit of `value`.

        Raises:
            ValueError: the margin is negative or not finite.
        """
        if not 0 <= max_drop < math.inf:
            msg = f"the largest drop is a number from 0 up, not {max_drop}"
            raise ValueError(msg)
        if self.low >= -max_drop:
            return NonInferiority.NOT_WORSE
        if self.high < -max_drop:
            return NonInferiority.WORSE
        return NonInferiority.CANNOT_TELL

    def required_clusters(self, max_drop: float = 0.0) -> float:
        """Return the number of clusters needed to decide, if the estimated difference is true.

        The number is infinite if the estimated drop equals the margin.

        Args:
            max_drop: the non-inferiority margin, in the unit of `value`.
        """
        margin = abs(self.value + max_drop)
        return self.clusters * (self.detectable / margin) ** 2 if margin > 0 else math.inf


def t_test_difference(
    value: float,
    standard_error: float,
    clusters: int,
    *,
    level: float,
    questions: QuestionMeans | None = None,
    scale: tuple[float, float] | None = None,
) -> DifferenceTest:
    """Return a difference with its test: Student's t with clusters - 1 degrees of freedom.

    If the scale is known, the interval and the p value are those of the guard of `bounded_means`
    where that is more careful, so they hold from two questions on. Without a scale, nothing bounds
    the error of a difference that is the same on all questions: the interval is infinite.

    Args:
        value: the difference.
        standard_error: the standard error, clustered by question.
        clusters: the number of clusters of the standard error.
        level: the interval's level.
        questions: the difference on each question, with the scale of differences.
        scale: the smallest and the largest possible difference, if there is no difference for each
            question.
    """
    if clusters < 2:  # noqa: PLR2004 - a spread needs two
        low = high = p_value = detectable = math.nan
    else:
        if questions is None and scale is not None:
            questions = QuestionMeans.from_moments(value, standard_error, clusters, scale)
        low, high, p_value = _test_by_spread(value, standard_error, clusters, level)
        if questions is not None:
            low, high = guard_interval(questions, low, high, standard_error, level=level)
            p_value = guard_p_value(questions, 0.0, p_value, standard_error, level=level)
        elif low == high:
            low, high, p_value = -math.inf, math.inf, 1.0
        reach = max(value - low, high - value)
        detectable = reach + float(stdtrit(clusters - 1, _POWER)) * standard_error
    return DifferenceTest(
        value=value,
        standard_error=standard_error,
        low=low,
        high=high,
        p_value=p_value,
        detectable=detectable,
        clusters=clusters,
        level=level,
        power=_POWER,
    )


def compare_means(
    values: FloatArray,
    influence: FloatArray,
    pair: tuple[int, int],
    scale: tuple[float, float],
    *,
    level: float,
) -> DifferenceTest:
    """Return the difference of two means that rest on the same questions, with its test.

    Args:
        values: the means.
        influence: the influence of each question (row) on each mean (column).
        pair: the numbers of the two means; the second is subtracted.
        scale: the smallest and the largest possible difference.
        level: the interval's level.
    """
    first, second = pair
    value = float(values[first] - values[second])
    of_question = influence[:, first] - influence[:, second]
    number = len(of_question)
    correction = number / (number - 1) if number > 1 else math.nan
    error = math.sqrt(correction * float(of_question @ of_question))
    questions = QuestionMeans.from_influence(value, of_question, scale)
    return t_test_difference(value, error, number, level=level, questions=questions)


def bound_differences(
    values: FloatArray, influence: FloatArray, scale: tuple[float, float], *, level: float
) -> FloatArray:
    """Return the lower bounds of all differences of means (row minus column); 0 on the diagonal.

    Args:
        values: the means.
        influence: the influence of each question (row) on each mean (column).
        scale: the smallest and the largest possible difference.
        level: the intervals' level.
    """
    size = len(values)
    bounds = np.zeros((size, size))
    for first in range(size):
        for second in range(first + 1, size):
            found = compare_means(values, influence, (first, second), scale, level=level)
            bounds[first, second], bounds[second, first] = found.low, -found.high
    return bounds


def _test_by_spread(
    value: float, standard_error: float, clusters: int, level: float
) -> tuple[float, float, float]:
    """Return the t interval and p value; without any spread, the value alone and 0."""
    if standard_error <= np.finfo(float).eps * abs(value):
        return value, value, 0.0
    reach = critical_value(level, clusters) * standard_error
    p_value = 2 * float(stdtr(clusters - 1, -abs(value) / standard_error))
    return value - reach, value + reach, p_value
