"""Rank the models, each with the range of ranks that the data allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats import critical_value, rank_estimates, rank_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis.estimates.ratings import BattleEstimates
    from evalharness.analysis.estimates.scores import ScoreEstimates
    from evalharness.stats import FittedRatings, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRange:
    """A model's rank and the ranks that it may have.

    Attributes:
        rank: the rank from 1; equal estimates share the best rank.
        low: the best rank of the rank set.
        high: the worst rank of the rank set.
        above: the models that the rank set places below this one.
    """

    rank: int | None = None
    low: int | None = None
    high: int | None = None
    above: frozenset[str] = frozenset()


def rank_models(
    battle_estimates: BattleEstimates,
    score_estimates: ScoreEstimates,
    rng: np.random.Generator,
    level: float,
) -> dict[str, RankRange]:
    """Return the ranks of the models, by rating or else by score; empty without either."""
    if battle_estimates.ratings is not None:
        return rank_by_ratings(battle_estimates.ratings, rng, level)
    if not score_estimates.means:
        return {}
    means = np.array([mean.value for mean in score_estimates.means.values()])
    clusters = score_estimates.questions
    reach = means[:, None] - means - score_estimates.bound_differences(level)
    return rank_by_estimates(
        tuple(score_estimates.means),
        means,
        score_estimates.covariance,
        clusters,
        rng,
        level,
        errors=reach / critical_value(level, clusters),
    )


def rank_by_ratings(
    ratings: FittedRatings, rng: np.random.Generator, level: float
) -> dict[str, RankRange]:
    """Return the ranks of models by their ratings; see `rank_by_estimates`."""
    return rank_by_estimates(
        ratings.models,
        ratings.ratings,
        ratings.rating_covariance,
        ratings.clusters,
        rng,
        level,
        errors=ratings.difference_errors,
    )


def rank_by_estimates(
    models: Sequence[str],
    estimates: FloatArray,
    covariance: FloatArray,
    clusters: int,
    rng: np.random.Generator,
    level: float,
    *,
    errors: FloatArray | None = None,
) -> dict[str, RankRange]:
    """Return the ranks of models by estimates.

    The rank ranges are simultaneous over all models. They are absent if the covariance is unknown.

    Args:
        models: the names of the models.
        estimates: one estimate per model; larger is better.
        covariance: the covariance of the estimates.
        clusters: the number of questions that they rest on.
        rng: the random numbers of the rank sets' simulation.
        level: the level of the rank sets.
        errors: the error of each difference (see `rank_sets`).
    """
    if not np.all(np.isfinite(covariance)):
        ranked = zip(models, rank_estimates(estimates).tolist(), strict=True)
        return {model: RankRange(rank=rank) for model, rank in ranked}
    sets = rank_sets(
        estimates,
        covariance,
        rng,
        errors=errors,
        level=level,
        degrees_of_freedom=clusters - 1,
    )
    bounds = zip(sets.rank.tolist(), sets.low.tolist(), sets.high.tolist(), strict=True)
    beaten_by_model = [
        frozenset(models[index] for index in np.flatnonzero(row).tolist()) for row in sets.above
    ]
    return {
        model: RankRange(rank=rank, low=low, high=high, above=beaten)
        for model, (rank, low, high), beaten in zip(models, bounds, beaten_by_model, strict=True)
    }
