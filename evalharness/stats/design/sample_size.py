"""Compute sample sizes: the number of questions or battles needed to detect a difference.

Sample sizes are those of two-sided tests at 1 - level: the test detects a true difference of the
given size with probability `power`. Scores follow Miller 2024 (arXiv:2411.00640).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logit, ndtri, stdtrit

from evalharness.stats.estimation.fitted_ratings import ELO_PER_NAT
from evalharness.stats.intervals.detectable_effect import MinimumDetectableEffect, normal_quantiles

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray

_MAX_NONCENTRALITY = 5.0
_LARGE_SAMPLE = 10_000
"""Above this number, the noncentral t distribution loses digits, and the approximation is exact."""

_SMALLEST_SAMPLE = 2.0
"""A t test needs at least two questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """The number of questions or battles needed to detect a difference.

    Attributes:
        number: the exact number; `rounded_up` is the number to plan with.
        difference: the difference that is detected.
        power: the probability of detecting the difference.
        level: 1 minus the significance level of the test.
    """

    number: float
    difference: float
    power: float
    level: float

    @property
    def rounded_up(self) -> int:
        """The number rounded up."""
        return math.ceil(self.number)


def design_effect(per_question: float, correlation: float) -> float:
    """Return the factor by which correlated rows of a question increase the sample size.

    Args:
        per_question: the number of rows for each question.
        correlation: the intraclass correlation of the rows of one question.
    """
    return 1 + (per_question - 1) * correlation


def paired_standard_deviation(
    difference: float,
    within: float = 0.0,
    other_within: float = 0.0,
    *,
    samples: int = 1,
    other_samples: int = 1,
) -> float:
    """Return the standard deviation over questions of two models' difference in score.

    Args:
        difference: the standard deviation of the models' true difference over questions.
        within: the standard deviation of one model's score over answers to the same question.
        other_within: the same for the other model.
        samples: the number of answers to each question, which are averaged.
        other_samples: the same for the other model.
    """
    return math.sqrt(difference**2 + within**2 / samples + other_within**2 / other_samples)


def required_questions(
    difference: float, deviation: float, *, level: float = 0.95, power: float = 0.8
) -> SampleSize:
    """Return the number of questions needed to detect a mean difference (normal approximation).

    Args:
        difference: the mean difference, in points of score.
        deviation: the standard deviation of the difference over questions, for example from
            `paired_standard_deviation`.
        level: 1 minus the significance level of the test.
        power: the probability of detecting the difference.

    Raises:
        ValueError: an argument is out of its range.
    """
    test_quantile, power_quantile = normal_quantiles(level, power)
    _require_positive("difference", difference)
    _require_positive("deviation", deviation)
    number = ((test_quantile + power_quantile) * deviation / difference) ** 2
    return SampleSize(number=number, difference=difference, power=power, level=level)


def required_questions_by_t_test(
    difference: float, deviation: float, *, level: float = 0.95, power: float = 0.8
) -> SampleSize:
    """Return the number of questions needed to detect a mean difference by a paired t test.

    The result differs from `required_questions` for small numbers.

    Args:
        difference: the mean difference, in points of score.
        deviation: the standard deviation of the difference over questions.
        level: 1 minus the significance level of the test.
        power: the probability of detecting the difference.

    Raises:
        ValueError: an argument is out of its range.
    """
    from scipy.optimize import brentq

    start = required_questions(difference, deviation, level=level, power=power).number
    effect = difference / deviation
    if start > _LARGE_SAMPLE:
        number = start + float(ndtri((1 + level) / 2)) ** 2 / 2
        return SampleSize(number=number, difference=difference, power=power, level=level)

    def excess(number: float) -> float:
        return _t_test_power(effect, number, level) - power

    enough = excess(_SMALLEST_SAMPLE) >= 0
    number = (
        _SMALLEST_SAMPLE
        if enough
        else float(brentq(excess, _SMALLEST_SAMPLE, start + 10, xtol=1e-10))
    )
    return SampleSize(number=number, difference=difference, power=power, level=level)


def required_battles(
    rating_gap: float, *, tie_share: float = 0.0, level: float = 0.95, power: float = 0.8
) -> SampleSize:
    """Return the number of independent battles of two models needed to detect a rating gap.

    Multiply it by `design_effect` for clustered battles.

    Args:
        rating_gap: the difference of the ratings; 400 points are odds of ten to one.
        tie_share: the share of battles that are ties.
        level: 1 minus the significance level of the test.
        power: the probability of detecting the gap.

    Raises:
        ValueError: an argument is out of its range, or the gap is impossible with this share of
            ties.
    """
    test_quantile, power_quantile = normal_quantiles(level, power)
    _require_positive("rating gap", rating_gap)
    edge = float(expit(rating_gap / ELO_PER_NAT)) - 0.5
    spread = _points_variance(tie_share) - edge**2
    if edge >= (1 - tie_share) / 2:
        msg = f"with {tie_share:.0%} ties, no gap of {rating_gap} rating points is possible"
        raise ValueError(msg)
    # Without ties the null hypothesis fixes the variance (1/4); with ties it is estimated.
    null = 0.25 if tie_share == 0 else spread
    number = ((test_quantile * math.sqrt(null) + power_quantile * math.sqrt(spread)) / edge) ** 2
    return SampleSize(number=number, difference=rating_gap, power=power, level=level)


def minimum_detectable_rating_gap(
    battles: float, *, tie_share: float = 0.0, level: float = 0.95, power: float = 0.8
) -> MinimumDetectableEffect:
    """Return the smallest rating gap that a number of independent battles detects.

    This is the inverse of `required_battles`. Divide the number of clustered battles by
    `design_effect`.

    Args:
        battles: the number of independent battles of the two models.
        tie_share: the share of battles that are ties, 0 to 1.
        level: 1 minus the significance level of the test.
        power: the probability of detecting the gap.

    Raises:
        ValueError: an argument is out of its range, or the battles are too few for any gap.
    """
    test_quantile, power_quantile = normal_quantiles(level, power)
    _require_positive("number of battles", battles)
    variance = _points_variance(tie_share)
    if tie_share == 0:
        # edge sqrt(n) = test_quantile / 2 + power_quantile sqrt(1/4 - edge^2), squared and solved for the edge
        root = power_quantile * math.sqrt(max(battles + power_quantile**2 - test_quantile**2, 0.0))
        edge = (test_quantile * math.sqrt(battles) + root) / (2 * (battles + power_quantile**2))
    else:
        both = (test_quantile + power_quantile) ** 2
        edge = math.sqrt(both * variance / (battles + both))
    if edge >= (1 - tie_share) / 2:
        msg = f"{battles:g} battles are too few to find any gap with probability {power:g}"
        raise ValueError(msg)
    gap = ELO_PER_NAT * float(logit(0.5 + edge))
    return MinimumDetectableEffect(difference=gap, power=power, level=level)


def equivalent_battles(battles: npt.ArrayLike) -> FloatArray:
    """Return the number of direct battles of each pair with the same information as the whole design.

    Battles against third models add information. Between equal models a design is a network of
    resistors, and the information about two models is the conductance between them: n battles of
    each pair of K models are equivalent to K n / 2 battles of any two. The result is infinite on
    the diagonal, and 0 for two models that are not connected.

    Args:
        battles: the number of battles of each pair of models, as a symmetric matrix.
    """
    between = np.asarray(battles, dtype=np.float64)
    size = len(between)
    _, parts = connected_components(csr_array((between > 0).astype(np.int8)), directed=False)
    inverse = np.linalg.pinv(np.diag(between.sum(axis=1)) - between, hermitian=True)
    own = np.diag(inverse)
    resistance = own[:, None] + own - 2 * inverse
    equivalent = np.diag(np.full(size, np.inf))
    apart = parts[:, None] != parts
    np.divide(1.0, resistance, out=equivalent, where=~(apart | np.eye(size, dtype=bool)))
    equivalent[apart] = 0.0
    return equivalent


def _t_test_power(effect: float, number: float, level: float) -> float:
    """Return the power of a two-sided t test, from the noncentral t distribution."""
    from scipy.special import nctdtr

    degrees, shift = number - 1, effect * math.sqrt(number)
    critical = float(stdtrit(degrees, (1 + level) / 2))
    # beyond this shift, the other tail is below 1e-8, and its computation fails
    other_tail = float(nctdtr(degrees, shift, -critical)) if shift < _MAX_NONCENTRALITY else 0.0
    return 1 - float(nctdtr(degrees, shift, critical)) + other_tail


def _points_variance(tie_share: float) -> float:
    """Return the variance of points between equal models; ties reduce it."""
    if not 0 <= tie_share < 1:
        msg = f"the share of ties lies between 0 and 1, not {tie_share}"
        raise ValueError(msg)
    return (1 - tie_share) / 4


def _require_positive(what: str, value: float) -> None:
    if not (value > 0 and np.isfinite(value)):
        msg = f"the {what} is a number above 0, not {value}"
        raise ValueError(msg)
