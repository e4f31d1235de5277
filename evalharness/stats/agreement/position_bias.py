"""Measure a judge's position bias: how its verdicts depend on the order of the answers.

The method is that of Zheng et al. 2023 (arXiv:2306.05685), with the effect of length added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import bdtr, ndtri

from evalharness.errors import BattlesError
from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.intervals.bounded_means import guard_interval
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value
from evalharness.stats.intervals.means import clustered_mean, clustered_proportion, wilson_interval
from evalharness.stats.intervals.question_means import QuestionMeans
from evalharness.stats.ratings.covariates import bradley_terry_with_covariates

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.estimation.fitted_ratings import FittedRatings

_EFFECT_RANGE = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionEstimate:
    """A proportion with its interval; NaN when the count is 0.

    Attributes:
        value: the proportion, from 0 to 1.
        low: the lower end of the interval.
        high: the upper end of the interval.
        part: the number of cases with the property.
        count: the number of all cases.
    """

    value: float
    low: float
    high: float
    part: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBias:
    """The verdicts of a judge on pairs of answers in both orders.

    Attributes:
        pairs: the number of pairs judged in both orders.
        consistent: the number of pairs in which one model wins both games, or both are ties.
        first_both: the number of flips in which both games go to the first position.
        second_both: the number of flips in which both games go to the second position.
        tie_mixed: the number of pairs with one tie and one win.
        consistency: the share of `consistent` pairs.
        first_of_flips: the share of flips to the first position among all flips.
        p_value: the p value of the exact binomial test that flips favor neither position. It
            assumes independent pairs; for clustered pairs use the interval of `effect`.
        effect: the share of flips to the first position minus that to the second, of all pairs.
        level: the intervals' level.
        clusters: the number of questions, or of pairs if each pair is a cluster.
        clustered_by: what a cluster is.
    """

    pairs: int
    consistent: int
    first_both: int
    second_both: int
    tie_mixed: int
    consistency: ProportionEstimate
    first_of_flips: ProportionEstimate
    p_value: float
    effect: IntervalEstimate
    level: float
    clusters: int
    clustered_by: Literal["question", "pair"]


def measure_position_bias(
    outcome: npt.ArrayLike,
    swapped: npt.ArrayLike,
    *,
    question: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> PositionBias:
    """Return the position bias of a judge, from pairs that it judged in both orders.

    Args:
        outcome: each pair's `BattleOutcome` in one order, for the answer shown first.
        swapped: its outcome in the other order, again for the answer shown first.
        question: each pair's question. By default, pairs are independent, and shares have
            Wilson's interval.
        level: the intervals' level.

    Raises:
        BattlesError: there are no pairs, or an outcome is not valid.
    """
    games, swaps = _checked_outcomes(outcome), _checked_outcomes(swapped)
    if not games.size or games.shape != swaps.shape:
        msg = f"position bias needs pairs of games: {games.size} in one order, {swaps.size} in both"
        raise BattlesError(msg)
    flipped = (games == swaps) & (games != BattleOutcome.TIE)
    to_first = flipped & (games == BattleOutcome.FIRST_WON)
    consistent = games + swaps == BattleOutcome.FIRST_WON
    first, second = int(to_first.sum()), int(flipped.sum() - to_first.sum())
    cluster = None if question is None else np.asarray(question)
    return PositionBias(
        pairs=len(games),
        consistent=int(consistent.sum()),
        first_both=first,
        second_both=second,
        tie_mixed=int(np.sum(~consistent & ~flipped)),
        consistency=_estimate_proportion(consistent, cluster, level),
        first_of_flips=_estimate_proportion(
            to_first[flipped], None if cluster is None else cluster[flipped], level
        ),
        p_value=min(1.0, 2 * float(bdtr(min(first, second), first + second, 0.5)))
        if first + second
        else 1.0,
        effect=_estimate_effect(2.0 * to_first - flipped, cluster, level),
        level=level,
        clusters=len(games) if cluster is None else len(np.unique(cluster)),
        clustered_by="pair" if cluster is None else "question",
    )


def fit_position_and_length_effects(
    comparisons: Comparisons, lead: npt.ArrayLike, *, level: float = 0.95
) -> FittedRatings:
    """Return ratings at equal length and position, with both effects as parameters.

    `parameters` has `delta`, the log-odds of the first position, and `phi`, the log-odds of a much
    longer answer: the coefficient of tanh(lead / its standard deviation), as in AlpacaEval 2.

    Args:
        comparisons: games as shown, first against second.
        lead: the first answer's length minus the second's, for each game.
        level: the intervals' level.

    Raises:
        BattlesError: all leads are the same; also the errors of `bradley_terry_with_covariates`.
    """
    leads = np.asarray(lead, dtype=np.float64)
    if leads.shape != comparisons.first.shape or not np.ptp(leads) > 0:
        msg = (
            f"a length bias needs {len(comparisons.first)} differences in length, one a battle, "
            "that are not all the same"
        )
        raise BattlesError(msg)
    covariates = {
        "delta": np.ones(len(leads)),
        "phi": np.tanh(leads / leads.std(ddof=1)),
    }
    return bradley_terry_with_covariates(comparisons, covariates, level=level)


def _checked_outcomes(given: npt.ArrayLike) -> npt.NDArray[np.int64]:
    outcomes = np.asarray(given, dtype=np.int64)
    if np.any(~np.isin(outcomes, list(BattleOutcome))):
        msg = (
            f"outcomes are {[int(outcome) for outcome in BattleOutcome]}, twice the first's points"
        )
        raise BattlesError(msg)
    return outcomes


def _estimate_proportion(
    chosen: npt.NDArray[np.bool_], cluster: npt.NDArray[np.generic] | None, level: float
) -> ProportionEstimate:
    number, part = len(chosen), int(chosen.sum())
    if not number:
        return ProportionEstimate(value=math.nan, low=math.nan, high=math.nan, part=0, count=0)
    if cluster is None:
        low, high = wilson_interval(part / number, number, _normal_quantile(level))
    else:
        share = clustered_proportion(chosen, cluster, level=level)
        low, high = share.low, share.high
    return ProportionEstimate(value=part / number, low=low, high=high, part=part, count=number)


def _estimate_effect(
    values: FloatArray, cluster: npt.NDArray[np.generic] | None, level: float
) -> IntervalEstimate:
    """Return the mean of values -1, 0 and 1; independent values have a trinomial variance."""
    if cluster is not None:
        mean = clustered_mean(values, cluster, level=level, scale=_EFFECT_RANGE)
        return IntervalEstimate(
            value=mean.value, standard_error=mean.standard_error, low=mean.low, high=mean.high
        )
    value, error = float(values.mean()), float(values.std()) / math.sqrt(len(values))
    reach = _normal_quantile(level) * error
    low, high = value - reach, value + reach
    if np.ptp(values) == 0:  # equal values show no spread
        pairs = QuestionMeans.from_values(values, np.ones(len(values)), _EFFECT_RANGE)
        low, high = guard_interval(pairs, low, high, error, level=level)
    return IntervalEstimate(value=value, standard_error=error, low=low, high=high)


def _normal_quantile(level: float) -> float:
    critical_value(level, 2)  # refuses a level outside 0..1
    return float(ndtri((1 + level) / 2))
