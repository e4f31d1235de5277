"""How many questions or battles a difference needs, and what a design can show at all.

Sample sizes are those of two-sided tests at 1 - level: the test finds a true difference of the
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
"""Beyond, the noncentral t distribution loses digits, and its first correction has enough."""

_SMALLEST_SAMPLE = 2.0
"""Fewer questions show no spread, which a t test needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """How many (questions, battles) find a difference.

    Attributes:
        number: exact; `rounded_up` is the number to plan with.
        difference: that is found.
        power: with this probability.
        level: 1 minus the test's size.
    """

    number: float
    difference: float
    power: float
    level: float

    @property
    def rounded_up(self) -> int:
        """The number to plan with."""
        return math.ceil(self.number)


def design_effect(per_question: float, correlation: float) -> float:
    """Return how many times as many rows are needed when rows of one question are alike.

    Args:
        per_question: rows a question.
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
        within: that of one model's score when the same question is answered again.
        other_within: the same for the other model.
        samples: answers a question, averaged.
        other_samples: the other model's.
    """
    return math.sqrt(difference**2 + within**2 / samples + other_within**2 / other_samples)


def required_questions(
    difference: float, deviation: float, *, level: float = 0.95, power: float = 0.8
) -> SampleSize:
    """Return how many questions find a mean difference of scores, by the normal approximation.

    Args:
        difference: the mean difference to be found, in points of score.
        deviation: the standard deviation of the difference over questions, say `paired_deviation`.
        level: 1 minus the test's size.
        power: the probability to find it.

    Raises:
        ValueError: an argument makes no sense.
    """
    certain, likely = normal_quantiles(level, power)
    _require_positive("difference", difference)
    _require_positive("deviation", deviation)
    number = ((certain + likely) * deviation / difference) ** 2
    return SampleSize(number=number, difference=difference, power=power, level=level)


def required_questions_by_t_test(
    difference: float, deviation: float, *, level: float = 0.95, power: float = 0.8
) -> SampleSize:
    """Return how many questions find a mean difference by a paired t test; for small numbers.

    Args:
        difference: the mean difference to be found, in points of score.
        deviation: the standard deviation of the difference over questions.
        level: 1 minus the test's size.
        power: the probability to find it.

    Raises:
        ValueError: an argument makes no sense.
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
    """Return how many independent battles of two models tell their ratings apart.

    For clustered battles, multiply by `design_effect`.

    Args:
        rating_gap: the difference of their ratings, 400 points for odds of ten to one.
        tie_share: the share of battles that are ties.
        level: 1 minus the chance of a false alarm.
        power: the chance to find the gap.

    Raises:
        ValueError: an argument makes no sense, or so many ties leave no such gap.
    """
    certain, likely = normal_quantiles(level, power)
    _require_positive("rating gap", rating_gap)
    edge = float(expit(rating_gap / ELO_PER_NAT)) - 0.5
    spread = _points_variance(tie_share) - edge**2
    if edge >= (1 - tie_share) / 2:
        msg = f"with {tie_share:.0%} ties, no gap of {rating_gap} rating points is possible"
        raise ValueError(msg)
    # Without ties the null hypothesis fixes the variance (1/4); with ties it is an estimate.
    null = 0.25 if tie_share == 0 else spread
    number = ((certain * math.sqrt(null) + likely * math.sqrt(spread)) / edge) ** 2
    return SampleSize(number=number, difference=rating_gap, power=power, level=level)


def minimum_detectable_rating_gap(
    battles: float, *, tie_share: float = 0.0, level: float = 0.95, power: float = 0.8
) -> MinimumDetectableEffect:
    """Return the smallest rating gap that so many independent battles find.

    The inverse of `battles_needed`; divide clustered battles by `design_effect`.

    Args:
        battles: how many of the two models, independent.
        tie_share: how often equals tie, 0 to 1.
        level: 1 minus the test's size.
        power: the probability to find it.

    Raises:
        ValueError: an argument makes no sense, or the battles are too few for any gap.
    """
    certain, likely = normal_quantiles(level, power)
    _require_positive("number of battles", battles)
    variance = _points_variance(tie_share)
    if tie_share == 0:
        # edge sqrt(n) = certain / 2 + likely sqrt(1/4 - edge^2), squared and solved for the edge
        root = likely * math.sqrt(max(battles + likely**2 - certain**2, 0.0))
        edge = (certain * math.sqrt(battles) + root) / (2 * (battles + likely**2))
    else:
        both = (certain + likely) ** 2
        edge = math.sqrt(both * variance / (battles + both))
    if edge >= (1 - tie_share) / 2:
        msg = f"{battles:g} battles are too few to find any gap with probability {power:g}"
        raise ValueError(msg)
    gap = ELO_PER_NAT * float(logit(0.5 + edge))
    return MinimumDetectableEffect(difference=gap, power=power, level=level)


def equivalent_battles(fought: npt.ArrayLike) -> FloatArray:
    """Return how many battles of two models alone would tell as much as a whole design does.

    Battles with third models inform, too: between equals a design is a network of resistors, and
    what it tells of two models is the conductance between them. (All pairs of K models, n battles
    each, tell K n / 2 of every pair.) Infinite on the diagonal, 0 where nothing connects.

    Args:
        fought: how many battles each two models fight; symmetric.
    """
    between = np.asarray(fought, dtype=np.float64)
    size = len(between)
    _, parts = connected_components(csr_array((between > 0).astype(np.int8)), directed=False)
    inverse = np.linalg.pinv(np.diag(between.sum(axis=1)) - between, hermitian=True)
    own = np.diag(inverse)
    resistance = own[:, None] + own - 2 * inverse
    found = np.diag(np.full(size, np.inf))
    apart = parts[:, None] != parts
    np.divide(1.0, resistance, out=found, where=~(apart | np.eye(size, dtype=bool)))
    found[apart] = 0.0
    return found


def _t_test_power(effect: float, number: float, level: float) -> float:
    """Return the power of a two-sided t test, from the noncentral t distribution."""
    from scipy.special import nctdtr

    degrees, shift = number - 1, effect * math.sqrt(number)
    critical = float(stdtrit(degrees, (1 + level) / 2))
    # the wrong tail is below 1e-8 there, and its computation breaks down
    wrong = float(nctdtr(degrees, shift, -critical)) if shift < _MAX_NONCENTRALITY else 0.0
    return 1 - float(nctdtr(degrees, shift, critical)) + wrong


def _points_variance(tie_share: float) -> float:
    """Return the variance of points between equals: ties, at a half, have none."""
    if not 0 <= tie_share < 1:
        msg = f"the share of ties lies between 0 and 1, not {tie_share}"
        raise ValueError(msg)
    return (1 - tie_share) / 4


def _require_positive(what: str, value: float) -> None:
    if not (value > 0 and np.isfinite(value)):
        msg = f"the {what} is a number above 0, not {value}"
        raise ValueError(msg)
