"""Online Elo: each battle moves two ratings; the order of the battles matters.

Elo 1978. Bradley-Terry uses the same scale without that dependence, and is the default elsewhere;
the mean over shuffled orders removes most of it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.ratings.fitted_ratings import MEAN_RATING, critical_value

if TYPE_CHECKING:
    from evalharness.stats.battles.comparisons import Comparisons, FloatArray, IntArray

DEFAULT_K = 4.0
"""The largest change of one battle; small, as models do not learn while they are judged."""

_POINTS_PER_TENFOLD_ODDS = 400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EloRatings:
    """Online Elo ratings.

    Attributes:
        models: names.
        ratings: in points.
        battles: how many each model fought.
        k: the largest change of one battle.
        start: every model's rating before its first battle.
        orders: how many orders of the battles they are the mean of.
    """

    models: tuple[str, ...]
    ratings: FloatArray
    battles: IntArray
    k: float
    start: float
    orders: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EloIntervals:
    """Standard errors and intervals of online Elo; NaN when there is a single cluster.

    Attributes:
        standard_errors: in points, by model.
        low: lower ends of the intervals.
        high: upper ends of the intervals.
        level: the intervals' level.
        clusters: how many questions it rests on.
        replicates: how many were drawn.
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
    """Return Elo ratings after the battles in their given order; a weight multiplies k.

    Args:
        comparisons: the battles, in the order in which they are played.
        k: the largest change of one battle, in points.
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
    orders: int = 100,
    k: float = DEFAULT_K,
    start: float = MEAN_RATING,
) -> EloRatings:
    """Return the mean of Elo ratings over shuffled orders of the battles.

    Args:
        comparisons: the battles, one by one.
        rng: shuffles.
        orders: how many.
        k: the largest change of one battle, in points.
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
    replicates: int = 200,
    k: float = DEFAULT_K,
    start: float = MEAN_RATING,
) -> EloIntervals:
    """Return intervals of `online_elo` from a bootstrap of the clusters.

    A cluster that was drawn twice counts with twice the k, in its place: drawing says how the
    ratings depend on the questions, not on the order.

    Args:
        comparisons: the battles, in the order in which they are played.
        rng: draws the replicates.
        level: the intervals' level.
        replicates: how many.
        k: as in `online_elo`.
        start: as in `online_elo`.
    """
    codes, cluster = np.unique(comparisons.cluster, return_inverse=True)
    number = len(codes)
    drawn = rng.multinomial(number, np.full(number, 1 / number), size=replicates)
    order = np.arange(len(cluster))[:, None]
    played = _play_battles(comparisons, order, drawn[:, cluster].T.astype(float), k=k, start=start)
    centre = online_elo(comparisons, k=k, start=start).ratings
    errors = played.std(axis=0, ddof=1) * np.sqrt(number / max(number - 1, 1))
    reach = critical_value(level, number) * errors
    return EloIntervals(
        standard_errors=errors if number > 1 else np.full_like(errors, np.nan),
        low=centre - reach,
        high=centre + reach,
        level=level,
        clusters=number,
        replicates=replicates,
    )


def _play_battles(
    comparisons: Comparisons, order: IntArray, counts: FloatArray, *, k: float, start: float
) -> FloatArray:
    """Return ratings by (replicate, model), all replicates side by side.

    `order` has the battle played at each time (rows) in each replicate (columns, or one for all);
    `counts` multiplies each battle of each replicate.
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
