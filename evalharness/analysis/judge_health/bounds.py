"""Compare the interval of a judge's rate with a bound: passed, failed, or too few to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.special import stdtrit

from evalharness.analysis.judge_health.health_measures import (
    CONFIDENCE_LEVEL,
    BoundSide,
    BoundStatus,
    HealthMeasure,
)
from evalharness.analysis.known_values import none_if_nan
from evalharness.stats import critical_value, minimum_detectable_departure

if TYPE_CHECKING:
    from evalharness.analysis.judge_health.rates import JudgeRate

_EFFECTS = frozenset({"place", "length", "own_family", "human_kappa", "gold_kappa"})
"""Measures that are not the share of questions with one of two results."""
_POWER = 0.8


def compare_with_bound(
    rate: JudgeRate, title: str, side: BoundSide, bound: float | None
) -> HealthMeasure:
    """Return a rate as a measure with its bound.

    Args:
        rate: the rate.
        title: the measure in words.
        side: whether the bound is a floor or a ceiling.
        bound: the limit; None without one.
    """
    return HealthMeasure(
        name=rate.name,
        title=title,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        count=rate.count,
        questions=rate.questions,
        side=side,
        bound=bound,
        status=_bound_status(rate, side, bound),
        note=rate.note,
        detectable=_detectable_departure(rate, side, bound),
    )


def _bound_status(rate: JudgeRate, side: BoundSide, bound: float | None) -> BoundStatus:
    """Return how the interval of a rate compares with its bound."""
    if rate.value is None:
        return BoundStatus.UNKNOWN
    if bound is None:
        return BoundStatus.UNBOUNDED
    if rate.low is None or rate.high is None:
        return BoundStatus.TOO_FEW
    if side is BoundSide.FLOOR:
        is_within, is_beyond = rate.low >= bound, rate.high < bound
    else:
        is_within = -bound <= rate.low and rate.high <= bound
        is_beyond = rate.low > bound or rate.high < -bound
    if is_within:
        return BoundStatus.OK
    return BoundStatus.MISSED if is_beyond else BoundStatus.TOO_FEW


def _detectable_departure(rate: JudgeRate, side: BoundSide, bound: float | None) -> float | None:
    """Return the smallest departure from the bound that so many questions find."""
    if bound is None or rate.low is None or rate.high is None:
        return None
    if rate.name not in _EFFECTS:
        floor = bound if side is BoundSide.FLOOR else 1 - bound
        return none_if_nan(minimum_detectable_departure(floor, rate.questions, power=_POWER))
    reach = critical_value(CONFIDENCE_LEVEL, rate.questions)
    departure = (rate.high - rate.low) / 2
    departure *= 1 + float(stdtrit(rate.questions - 1, _POWER)) / reach
    furthest = bound + 1 if side is BoundSide.FLOOR else 1 - bound
    return departure if departure <= furthest else None
