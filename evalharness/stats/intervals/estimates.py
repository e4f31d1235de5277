"""Define estimates with intervals, and the critical value of clustered intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalEstimate:
    """A number with its standard error and interval; NaN with a single cluster.

    Attributes:
        value: the number.
        standard_error: the standard error, clustered by question.
        low: the lower end of the interval.
        high: the upper end of the interval.
    """

    value: float
    standard_error: float
    low: float
    high: float


def critical_value(level: float, clusters: int) -> float:
    """Return the half-width of an interval in standard errors: Student's t, clusters - 1 degrees.

    The result is NaN with fewer than two clusters, because one question shows no spread.

    Args:
        level: the interval's level.
        clusters: the number of clusters of the standard error.

    Raises:
        ValueError: the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        msg = f"an interval's level lies between 0 and 1, not {level}"
        raise ValueError(msg)
    return float(stdtrit(clusters - 1, (1 + level) / 2)) if clusters > 1 else math.nan
