"""Compute the minimum detectable effect of a finished design from its standard error."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import ndtri, stdtrit


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumDetectableEffect:
    """The smallest true difference that a design detects with probability `power`.

    Attributes:
        difference: the difference, in the unit of the input.
        power: the probability of detecting the difference.
        level: 1 minus the significance level of the test.
    """

    difference: float
    power: float
    level: float


def minimum_detectable_difference(
    standard_error: float, clusters: int, *, level: float = 0.95, power: float = 0.8
) -> MinimumDetectableEffect:
    """Return the smallest difference that a design detects, in the unit of its standard error.

    Bloom 1995 (Evaluation Review 19): (t at level + t at power) standard errors, clusters - 1
    degrees of freedom.

    Args:
        standard_error: the standard error of the difference, clustered.
        clusters: the number of clusters of the standard error.
        level: 1 minus the significance level of the test.
        power: the probability of detecting the difference.

    Raises:
        ValueError: an argument is out of its range.
    """
    normal_quantiles(level, power)  # refuses a level or a power out of range
    if clusters < 2:  # noqa: PLR2004 - a spread needs two
        msg = "a minimum detectable difference needs at least two clusters"
        raise ValueError(msg)
    reach = float(stdtrit(clusters - 1, (1 + level) / 2) + stdtrit(clusters - 1, power))
    return MinimumDetectableEffect(difference=reach * standard_error, power=power, level=level)


def normal_quantiles(level: float, power: float) -> tuple[float, float]:
    """Return the normal quantiles of a two-sided test's level and of its power.

    Args:
        level: 1 minus the significance level of the test.
        power: the probability of detecting a true difference.

    Raises:
        ValueError: the level is not between 0 and 1, or the power is not between 1/2 and 1.
    """
    if not 0 < level < 1:
        msg = f"a test's level lies between 0 and 1, not {level}"
        raise ValueError(msg)
    if not 0.5 <= power < 1:  # noqa: PLR2004 - below, tossing a coin finds more
        msg = f"a test's power lies between 1/2 and 1, not {power}"
        raise ValueError(msg)
    return float(ndtri((1 + level) / 2)), float(ndtri(power))
