"""Estimate means and proportions with intervals clustered by question.

SE = sqrt(sum over clusters of (sum of deviations)^2) / n (Miller 2024, arXiv:2411.00640), times
sqrt(G/(G-1)); intervals use Student's t with G-1 degrees of freedom. Where the scale of the values
is known, `bounded_means` widens intervals that a few questions cannot support.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.intervals.bounded_means import guard_interval
from evalharness.stats.intervals.estimates import critical_value
from evalharness.stats.intervals.question_means import QuestionMeans

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray

_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredMean:
    """A mean with its clustered standard error and interval; both NaN with a single cluster.

    Attributes:
        value: the estimate, in the unit of the values.
        standard_error: the standard error, clustered by question.
        low: the lower end of the interval.
        high: the upper end of the interval.
        count: the number of values.
        clusters: the number of questions.
        level: the interval's level.
    """

    value: float
    standard_error: float
    low: float
    high: float
    count: int
    clusters: int
    level: float


def clustered_mean(
    values: npt.ArrayLike,
    cluster: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    level: float = 0.95,
    scale: tuple[float, float] | None = None,
) -> ClusteredMean:
    """Return the mean of values; values of one cluster may depend on each other.

    Args:
        values: the values.
        cluster: each value's question, as a number.
        weight: the weight of each value; 1 by default.
        level: the interval's level.
        scale: the smallest and the largest possible value. With it, the interval holds from two
            questions on and stays in the scale. Without it, equal questions have no interval.

    Raises:
        ValueError: there are no values, or a value is not finite.
    """
    mean, questions = _average(values, cluster, weight, level, scale)
    if questions is None:
        return mean
    low, high = guard_interval(questions, mean.low, mean.high, mean.standard_error, level=level)
    return replace(mean, low=low, high=high)


def clustered_proportion(
    values: npt.ArrayLike,
    cluster: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> ClusteredMean:
    """Return the mean of values in 0..1 with an interval that stays in 0..1.

    The interval is that of `clustered_share_interval`.

    Args:
        values: the values, from 0 to 1.
        cluster: each value's question, as a number.
        weight: the weight of each value; 1 by default.
        level: the interval's level.
    """
    mean, questions = _average(values, cluster, weight, level, (0.0, 1.0))
    low, high = clustered_share_interval(
        mean.value, mean.standard_error, mean.clusters, level, questions
    )
    return replace(mean, low=low, high=high)


def estimate_from_influence(
    value: float,
    influence: FloatArray,
    count: int,
    *,
    level: float,
    scale: tuple[float, float],
) -> ClusteredMean:
    """Return a mean with its interval, from the influence of each question on it.

    Args:
        value: the mean.
        influence: the influence of each question; influences sum to 0.
        count: the number of values.
        level: the interval's level.
        scale: the smallest and the largest possible value.
    """
    clusters = len(influence)
    mean = clustered_mean(
        value + clusters * influence, np.arange(clusters), level=level, scale=scale
    )
    return replace(mean, value=value, count=count)


def covariance_from_influence(influence: FloatArray) -> FloatArray:
    """Return the covariance of means, clustered by question, with G/(G-1); NaN for one question.

    Args:
        influence: the influence of each question (row) on each mean (column).
    """
    number = len(influence)
    correction = number / (number - 1) if number > 1 else np.nan
    covariance: FloatArray = correction * influence.T @ influence
    return covariance


def clustered_share_interval(
    share: float,
    standard_error: float,
    clusters: int,
    level: float,
    questions: QuestionMeans | None = None,
) -> tuple[float, float]:
    """Return the interval of a share with a clustered standard error.

    The interval is Wilson's, for the number of independent values that would give the clustered
    standard error, or the guard of `bounded_means` where that is wider; if each cluster is yes or
    no, it is that of Clopper and Pearson. If all clusters agree, the standard error is 0 and carries
    no information, so the number of clusters is used instead.

    Args:
        share: the share, from 0 to 1.
        standard_error: the standard error, clustered by question.
        clusters: the number of clusters of the standard error.
        level: the interval's level.
        questions: the share of each question; by default, shares with this mean and error.
    """
    if clusters == 1:
        return math.nan, math.nan
    # A corrected share may lie at an end of 0..1 and still have a standard error.
    all_agree = share in (0, 1) or standard_error**2 * clusters <= np.finfo(float).eps
    effective = clusters if all_agree else share * (1 - share) / standard_error**2
    low, high = wilson_interval(share, effective, critical_value(level, clusters))
    if questions is None:
        questions = QuestionMeans.from_moments(share, standard_error, clusters, (0.0, 1.0))
    return guard_interval(questions, low, high, standard_error, level=level)


def _average(
    values: npt.ArrayLike,
    cluster: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    level: float,
    scale: tuple[float, float] | None,
) -> tuple[ClusteredMean, QuestionMeans | None]:
    """Return a mean with its t interval, and the questions' means if a guard can be built."""
    numbers = np.asarray(values, dtype=np.float64)
    if not numbers.size or not np.all(np.isfinite(numbers)):
        msg = "a mean needs at least one value, and finite ones: leave missing values out"
        raise ValueError(msg)
    weights = np.ones(len(numbers)) if weight is None else np.asarray(weight, dtype=np.float64)
    codes, members = np.unique(np.asarray(cluster), return_inverse=True)
    clusters, total = len(codes), weights.sum()
    mean = float(weights @ numbers / total)
    sums = np.bincount(members, weights * (numbers - mean))
    correction = math.sqrt(clusters / (clusters - 1)) if clusters > 1 else math.nan
    error = float(correction * math.sqrt(sums @ sums) / total)
    has_spread = error > _ROUNDING * max(abs(mean), float(np.abs(numbers).max()))
    reach = critical_value(level, clusters) * error if has_spread or scale else math.nan
    estimate = ClusteredMean(
        value=mean,
        standard_error=error,
        low=mean - reach,
        high=mean + reach,
        count=len(numbers),
        clusters=clusters,
        level=level,
    )
    if scale is None or clusters == 1:
        return estimate, None
    question_weights: FloatArray = np.bincount(members, weights).astype(np.float64)
    held = question_weights > 0
    shares = mean + sums[held] / question_weights[held]
    return estimate, QuestionMeans.from_values(shares, question_weights[held], scale)


def wilson_interval(share: float, number: float, critical: float) -> tuple[float, float]:
    """Return Wilson's interval (1927, JASA 22) of a share of a number of values.

    Args:
        share: the share, from 0 to 1.
        number: the number of independent values.
        critical: the half-width of a normal interval in standard errors.
    """
    square = critical**2 / number
    middle = (share + square / 2) / (1 + square)
    reach = critical * math.sqrt(share * (1 - share) / number + square / number / 4)
    reach /= 1 + square
    return max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))
