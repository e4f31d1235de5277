"""Compute online Elo: each battle changes two ratings, so the order of battles matters.

See Elo 1978. Bradley-Terry, the default elsewhere, has the same scale and does not depend on the
order. The mean over shuffled orders removes most of the dependence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.battles.counts import BattleCounts
from evalharness.stats.estimation.fitted_ratings import ELO_PER_NAT, MEAN_RATING, FittedRatings
from evalharness.stats.estimation.rating_model import RatingModel
from evalharness.stats.intervals.estimates import critical_value

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.battles.comparisons import Comparisons

DEFAULT_K = 4.0
"""The largest change by one battle. It is small, because models do not change during a run."""

_POINTS_PER_TENFOLD_ODDS = 400.0
_REPLICATES = 200
_ORDERS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EloRatings:
    """Online Elo ratings.

    Attributes:
        models: the names of the models.
        ratings: the ratings in points.
        battles: the number of battles of each model.
        k: the largest change by one battle, in points.
        start: every model's rating before its first battle.
        orders: the number of orders of the battles over which ratings are averaged.
    """

    models: tuple[str, ...]
    ratings: FloatArray
    battles: IntArray
    k: float
    start: float
    orders: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EloIntervals:
    """Standard errors and intervals of online Elo; NaN if there is a single cluster.

    Attributes:
        standard_errors: the standard errors in points, by model.
        low: the lower ends of the intervals.
        high: the upper ends of the intervals.
        level: the intervals' level.
        clusters: the number of questions.
        replicates: the number of replicates drawn.
    """

    standard_errors: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    clusters: int
    replicates: int


def online_elo(
    comparisons: Comparisons, *, k: float = DEFAULT_K, start: float = MEAN_RATING
) -> EloRatings:
    """Return Elo ratings after the battles in the given order; a weight multiplies k.

    Args:
        comparisons: the battles, in the order in which they are played.
        k: the largest change by one battle, in points.
        start: every model's rating before its first battle.
    """
    order = np.arange(len(comparisons.first))[:, None]
    return EloRatings(
        models=comparisons.models,
        ratings=_play_battles(comparisons, order, np.ones(order.shape), k=k, start=start)[0],
        battles=comparisons.battles,
        k=k,
        start=start,
        orders=1,
    )


def shuffled_elo(
    comparisons: Comparisons,
    rng: np.random.Generator,
    *,
    orders: int = _ORDERS,
    k: float = DEFAULT_K,
    start: float = MEAN_RATING,
) -> EloRatings:
    """Return the mean of Elo ratings over shuffled orders of the battles.

    Args:
        comparisons: the battles, as arrays.
        rng: shuffles the battles.
        orders: the number of orders.
        k: the largest change by one battle, in points.
        start: every model's rating before its first battle.
    """
    number = len(comparisons.first)
    order = rng.permuted(np.tile(np.arange(number)[:, None], orders), axis=0)
    played = _play_battles(comparisons, order, np.ones(order.shape), k=k, start=start)
    return EloRatings(
        models=comparisons.models,
        ratings=played.mean(axis=0),
        battles=comparisons.battles,
        k=k,
        start=start,
        orders=orders,
    )


def bootstrap_elo(
    comparisons: Comparisons,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    replicates: int = _REPLICATES,
    k: float = DEFAULT_K,
    start: float = MEAN_RATING,
) -> EloIntervals:
    """Return intervals of `online_elo` from a bootstrap of the clusters.

    A cluster that is drawn twice keeps its position, with twice the k. The intervals therefore
    show how ratings depend on the questions, not on the order.

    Args:
        comparisons: the battles, in the order in which they are played.
        rng: draws the replicates.
        level: the intervals' level.
        replicates: the number of replicates.
        k: the largest change by one battle, in points.
        start: every model's rating before its first battle.
    """
    played, number = _play_replicates(comparisons, rng, replicates, k=k, start=start)
    center = online_elo(comparisons, k=k, start=start).ratings
    errors = played.std(axis=0, ddof=1) * np.sqrt(number / max(number - 1, 1))
    reach = critical_value(level, number) * errors
    return EloIntervals(
        standard_errors=errors if number > 1 else np.full_like(errors, np.nan),
        low=center - reach,
        high=center + reach,
        level=level,
        clusters=number,
        replicates=replicates,
    )


def fit_elo(
    comparisons: Comparisons,
    *,
    level: float = 0.95,
    k: float = DEFAULT_K,
    start: float = MEAN_RATING,
    orders: int = 1,
    seed: int = 0,
) -> FittedRatings:
    """Return online Elo as fitted ratings, with the covariance from a bootstrap of the clusters.

    Elo has no likelihood: `log_likelihood` is that of Bradley-Terry at these ratings, and
    `inverse_information` equals the covariance.

    Args:
        comparisons: the battles, in the order in which they are played.
        level: the intervals' level.
        k: the largest change by one battle, in points.
        start: every model's rating before its first battle, and the mean of the result.
        orders: 1 plays the battles in their order; a larger number averages shuffled orders.
        seed: the seed of the bootstrap and the shuffles.
    """
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    rng = np.random.default_rng(seed)
    replicates, number = _play_replicates(comparisons, rng, _REPLICATES, k=k, start=start)
    elo = (
        shuffled_elo(comparisons, rng, orders=orders, k=k, start=start)
        if orders > 1
        else online_elo(comparisons, k=k, start=start)
    )
    strengths = (elo.ratings - start) / ELO_PER_NAT
    correction = number / (number - 1) if number > 1 else np.nan
    covariance = correction * np.cov(replicates.T / ELO_PER_NAT)
    log_odds = strengths[comparisons.first] - strengths[comparisons.second]
    return FittedRatings(
        method="online Elo",
        models=comparisons.models,
        strengths=strengths,
        covariance=covariance,
        inverse_information=covariance,
        log_likelihood=float(
            comparisons.weight @ (comparisons.points * log_odds - np.logaddexp(0.0, log_odds))
        ),
        battles=comparisons.battles,
        level=level,
        clusters=number,
        clustered_by=comparisons.clustered_by,
        iterations=0,
        penalty=0.0,
        anchor=None,
        anchor_rating=start,
        settings={"k": k, "orders": orders, "seed": seed},
    )


def elo(
    battles: Comparisons | BattleCounts,
    /,
    *,
    position: bool = False,
    level: float = 0.95,
    penalty: float = 0.0,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
) -> FittedRatings:
    """Return the mean of Elo ratings over 100 shuffled orders, which hardly depends on the order.

    Args:
        battles: the battles, as arrays.
        position: not supported.
        level: the intervals' level.
        penalty: not supported.
        anchor: not supported.
        anchor_rating: every model's rating before its first battle, and the mean of the result.

    Raises:
        BattlesError: the battles are counts, or an argument is not supported.
    """
    if anchor is not None or penalty or position:
        msg = "online Elo takes no anchor, penalty or position effect"
        raise BattlesError(msg)
    if isinstance(battles, BattleCounts):
        msg = "online Elo plays battles in order, and counted battles have none: give the table"
        raise BattlesError(msg)
    return fit_elo(battles, level=level, start=anchor_rating, orders=_ORDERS)


def _play_replicates(
    comparisons: Comparisons, rng: np.random.Generator, replicates: int, *, k: float, start: float
) -> tuple[FloatArray, int]:
    """Return ratings by (replicate, model) of a bootstrap, and the number of clusters."""
    codes, cluster = np.unique(comparisons.cluster, return_inverse=True)
    number = len(codes)
    drawn = rng.multinomial(number, np.full(number, 1 / number), size=replicates)
    order = np.arange(len(cluster))[:, None]
    counts = drawn[:, cluster].T.astype(np.float64)
    return _play_battles(comparisons, order, counts, k=k, start=start), number


def _play_battles(
    comparisons: Comparisons, order: IntArray, counts: FloatArray, *, k: float, start: float
) -> FloatArray:
    """Return ratings by (replicate, model), with all replicates played in parallel.

    `order` has the battle of each step (rows) in each replicate (columns, or one column for all);
    `counts` multiplies the weight of each battle (rows) in each replicate (columns).
    """
    replicates = np.arange(counts.shape[1])
    ratings = np.full((len(replicates), len(comparisons.models)), start)
    points, change = comparisons.points, k * comparisons.weight[:, None] * counts
    for battle in order:
        first, second = comparisons.first[battle], comparisons.second[battle]
        gap = ratings[replicates, second] - ratings[replicates, first]
        expected = 1 / (1 + 10 ** (gap / _POINTS_PER_TENFOLD_ODDS))
        gain = change[battle, replicates] * (points[battle] - expected)
        ratings[replicates, first] += gain
        ratings[replicates, second] -= gain
    return ratings


RATING_MODEL = RatingModel(
    name="elo",
    title="online Elo",
    fit=elo,
    description=(
        "Ratings move after every battle by how surprising its result was. They depend on the "
        "order of the battles, so they are the mean over 100 shuffled orders. A tie counts as half "
        "a win. Intervals of these ratings come from a bootstrap of the questions."
    ),
    source="Elo 1978, The Rating of Chessplayers",
    takes_penalty=False,
    takes_position=False,
    needs_order=True,
)
