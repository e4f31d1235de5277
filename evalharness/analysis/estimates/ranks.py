"""Rank the models, each with the range of ranks that the data allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats import rank_estimates, rank_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis.estimates.ratings import BattleEstimates
    from evalharness.analysis.estimates.scores import ScoreEstimates
    from evalharness.stats import FloatArray


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
        models = battle_estimates.ratings.models
        estimates, covariance = (
            battle_estimates.ratings.ratings,
            battle_estimates.ratings.rating_covariance,
        )
        clusters = battle_estimates.ratings.clusters
    elif score_estimates.means:
        models = tuple(score_estimates.means)
        estimates = np.array([mean.value for mean in score_estimates.means.values()])
        covariance, clusters = score_estimates.covariance, score_estimates.questions
    else:
        return {}
    return rank_by_estimates(models, estimates, covariance, clusters, rng, level)


def rank_by_estimates(
    models: Sequence[str],
    estimates: FloatArray,
    covariance: FloatArray,
    clusters: int,
    rng: np.random.Generator,
    level: float,
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
    """
    if not np.all(np.isfinite(covariance)):
        ranked = zip(models, rank_estimates(estimates).tolist(), strict=True)
        return {model: RankRange(rank=rank) for model, rank in ranked}
    sets = rank_sets(estimates, covariance, rng, level=level, degrees_of_freedom=clusters - 1)
    bounds = zip(sets.rank.tolist(), sets.low.tolist(), sets.high.tolist(), strict=True)
    beaten_by_model = [
        frozenset(models[index] for index in np.flatnonzero(row).tolist()) for row in sets.above
    ]
    return {
        model: RankRange(rank=rank, low=low, high=high, above=beaten)
        for model, (rank, low, high), beaten in zip(models, bounds, beaten_by_model, strict=True)
    }
