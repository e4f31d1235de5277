"""Test the difference between two models: interval, p value and minimum detectable effect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import stdtr

from evalharness.stats.intervals.detectable_effect import minimum_detectable_difference
from evalharness.stats.intervals.estimates import critical_value

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
    value: float, standard_error: float, clusters: int, *, level: float
) -> DifferenceTest:
    """Return a difference with its test: Student's t with clusters - 1 degrees of freedom.

    If all clusters have the same difference, their spread does not measure the error, and the sign
    test is used: 2^(1 - clusters) is the probability of such agreement between equals. The interval
    then has width zero, and is NaN unless this probability is below 1 - level.

    Args:
        value: the difference.
        standard_error: the standard error, clustered by question.
        clusters: the number of clusters of the standard error.
        level: the interval's level.
    """
    if clusters < 2:  # noqa: PLR2004 - a spread needs two
        low = high = p_value = detectable = math.nan
    elif standard_error <= np.finfo(float).eps * abs(value):
        p_value = 2.0 ** (1 - clusters) if value else 1.0
        low = high = value if p_value <= 1 - level or not value else math.nan
        detectable = math.nan
    else:
        reach = critical_value(level, clusters) * standard_error
        low, high = value - reach, value + reach
        p_value = 2 * float(stdtr(clusters - 1, -abs(value) / standard_error))
        found = minimum_detectable_difference(standard_error, clusters, level=level, power=_POWER)
        detectable = found.difference
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
