"""A judge's biases: for a position, for length, for its own family.

As audited by Zheng et al. 2023 (arXiv:2306.05685, position and verbosity) and Panickssery et al.
2024 (arXiv:2404.13076, self-preference).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import bdtr, ndtri

from evalharness.errors import BattlesError
from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value
from evalharness.stats.intervals.means import clustered_mean, clustered_proportion, wilson_interval
from evalharness.stats.ratings.covariates import bradley_terry_with_covariates

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.estimation.fitted_ratings import FittedRatings


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionEstimate:
    """A part of a count with its interval; NaN when there is nothing to count.

    Attributes:
        value: 0 to 1.
        low: lower end of the interval.
        high: upper end of the interval.
        part: how many.
        count: of how many.
    """

    value: float
    low: float
    high: float
    part: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBias:
    """What a judge does when the same two answers change places.

    Attributes:
        pairs: how many were judged in both orders.
        consistent: those in which the same model wins both games, or both are ties.
        first_both: flips: both games went to the first position.
        second_both: flips to the second position.
        tie_mixed: one tie, one win.
        consistency: share of `consistent`.
        first_of_flips: share of the flips that went to the first position.
        p_value: the exact binomial test that flips favor neither (for independent pairs: of
            clustered ones, read the interval of `effect`).
        effect: share of flips to the first position minus that to the second, of all pairs.
        level: the intervals' level.
        clusters: how many questions, or pairs where they stand alone.
        clustered_by: which of the two.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfPreference:
    """How much more a judge favors its own family than its reference does.

    Attributes:
        value: `own` minus `other`, in points of 0 to 1.
        standard_error: clustered.
        low: lower end of the interval.
        high: upper end of the interval.
        own: mean excess of the judge's points over the reference's, of its own family's models.
        other: the same of the others.
        own_count: answers of its own family.
        other_count: answers of others.
        reference: `humans`, or a `panel`: then it is the preference beyond that which the other
            judges share.
        clusters: how many questions it rests on.
        level: the interval's level.
    """

    value: float
    standard_error: float
    low: float
    high: float
    own: float
    other: float
    own_count: int
    other_count: int
    reference: Literal["humans", "panel"]
    clusters: int
    level: float


def measure_position_bias(
    outcome: npt.ArrayLike,
    swapped: npt.ArrayLike,
    *,
    question: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> PositionBias:
    """Return how a judge's verdicts depend on the order, from pairs judged in both orders.

    Args:
        outcome: each pair's `Outcome` in one order; first is the answer shown first.
        swapped: its outcome after the answers changed places; first is again the one shown first.
        question: each pair's question; without it, pairs count as independent, and shares have
            Wilson's interval.
        level: the intervals' level.

    Raises:
        BattlesError: there are no pairs, or an outcome is none.
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

    `parameters` hold `delta`, the log-odds that the first position adds, and `phi`, those of an
    answer that is longer by far: of tanh(lead / its standard deviation), as AlpacaEval 2.

    Args:
        comparisons: games as shown, first against second.
        lead: the first answer's length minus the second's, one a game.
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


def measure_self_preference(
    judge: npt.ArrayLike,
    reference: npt.ArrayLike,
    is_own: npt.ArrayLike,
    cluster: npt.ArrayLike,
    *,
    reference_is: Literal["humans", "panel"] = "humans",
    level: float = 0.95,
) -> SelfPreference:
    """Return a judge's preference for its own family, by difference in differences.

    Better models may well be of the judge's family: what a reference grants them too is no bias.

    Args:
        judge: the judge's points for a model's answer, 0 to 1.
        reference: the reference's points for the same answer.
        is_own: whether the model is of the judge's family.
        cluster: the answer's question.
        reference_is: humans, or the mean of the other judges (see `rest_of_panel`).
        level: the interval's level.

    Raises:
        BattlesError: a family is missing, or points are no finite numbers.
    """
    excess = np.asarray(judge, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    own = np.asarray(is_own, dtype=np.bool_)
    if not (own.any() and (~own).any() and np.all(np.isfinite(excess))):
        msg = "self-preference needs finite points of models of the judge's family and of others"
        raise BattlesError(msg)
    means = np.array([excess[~own].mean(), excess[own].mean()])
    weight = np.where(own, 1 / own.sum(), -1 / (~own).sum())
    codes, member = np.unique(np.asarray(cluster), return_inverse=True)
    sums = np.bincount(member, weight * (excess - means[own.astype(np.int64)]))
    clusters = len(codes)
    correction = clusters / (clusters - 1) if clusters > 1 else math.nan
    value, error = float(means[1] - means[0]), math.sqrt(correction * float(sums @ sums))
    reach = critical_value(level, clusters) * error
    return SelfPreference(
        value=value,
        standard_error=error,
        low=value - reach,
        high=value + reach,
        own=float(means[1]),
        other=float(means[0]),
        own_count=int(own.sum()),
        other_count=int((~own).sum()),
        reference=reference_is,
        clusters=clusters,
        level=level,
    )


def average_other_judges(points: npt.ArrayLike) -> FloatArray:
    """Return for each judge (column) the mean of the others' points for each answer (row).

    NaN points are those of judges that did not judge the answer; so is a mean of none.

    Args:
        points: a row an answer, a column a judge.
    """
    given = np.asarray(points, dtype=np.float64)
    known = ~np.isnan(given)
    filled = np.where(known, given, 0.0)
    total = filled.sum(axis=1, keepdims=True) - filled
    number = known.sum(axis=1, keepdims=True) - known
    rest: FloatArray = np.divide(total, number, out=np.full_like(given, np.nan), where=number > 0)
    return rest


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
    """Return the mean of values -1, 0 and 1; of independent ones, the variance of a trinomial."""
    if cluster is not None:
        mean = clustered_mean(values, cluster, level=level)
        return IntervalEstimate(
            value=mean.value, standard_error=mean.standard_error, low=mean.low, high=mean.high
        )
    value, error = float(values.mean()), float(values.std()) / math.sqrt(len(values))
    reach = _normal_quantile(level) * error
    return IntervalEstimate(
        value=value, standard_error=error, low=value - reach, high=value + reach
    )


def _normal_quantile(level: float) -> float:
    critical_value(level, 2)  # refuses a level outside 0..1
    return float(ndtri((1 + level) / 2))
