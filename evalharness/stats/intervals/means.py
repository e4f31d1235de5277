"""Estimate means and proportions with intervals clustered by question.

SE = sqrt(sum over clusters of (sum of deviations)^2) / n (Miller 2024, arXiv:2411.00640), times
sqrt(G/(G-1)); intervals use Student's t with G-1 degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evalharness.stats.intervals.estimates import critical_value


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
) -> ClusteredMean:
    """Return the mean of values; values of one cluster may depend on each other.

    Args:
        values: the values.
        cluster: each value's question, as a number.
        weight: the weight of each value; 1 by default.
        level: the interval's level.

    Raises:
        ValueError: there are no values, or a value is not finite.
    """
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
    reach = critical_value(level, clusters) * error
    return ClusteredMean(
        value=mean,
        standard_error=error,
        low=mean - reach,
        high=mean + reach,
        count=len(numbers),
        clusters=clusters,
        level=level,
    )


def clustered_proportion(
    values: npt.ArrayLike,
    cluster: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> ClusteredMean:
    """Return the mean of values in 0..1 with an interval that stays in 0..1.

    The interval is Wilson's, for the number of independent values that would give the clustered
    standard error. If all clusters agree, that error is 0 and carries no information, so the
    number of clusters is used instead.

    Args:
        values: the values, from 0 to 1.
        cluster: each value's question, as a number.
        weight: the weight of each value; 1 by default.
        level: the interval's level.
    """
    mean = clustered_mean(values, cluster, weight=weight, level=level)
    low, high = clustered_share_interval(mean.value, mean.standard_error, mean.clusters, level)
    return replace(mean, low=low, high=high)


def clustered_share_interval(
    share: float, standard_error: float, clusters: int, level: float
) -> tuple[float, float]:
    """Return the interval of `clustered_proportion` for a share with a clustered standard error.

    Args:
        share: the share, from 0 to 1.
        standard_error: the standard error, clustered by question.
        clusters: the number of clusters of the standard error.
        level: the interval's level.
    """
    if clusters == 1:
        return math.nan, math.nan
    # A corrected share may lie at an end of 0..1 and still have a standard error.
    all_agree = share in (0, 1) or standard_error**2 * clusters <= np.finfo(float).eps
    effective = clusters if all_agree else share * (1 - share) / standard_error**2
    return wilson_interval(share, effective, critical_value(level, clusters))


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
