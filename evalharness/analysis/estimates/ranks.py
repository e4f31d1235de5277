"""The models' ranks, with the ranks that they may have."""

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
    """A model's rank, the ranks it may have, and the models that it is decided to be above."""

    rank: int | None = None
    low: int | None = None
    high: int | None = None
    above: frozenset[str] = frozenset()


def rank_models(
    standings: BattleEstimates, scores: ScoreEstimates, rng: np.random.Generator, level: float
) -> dict[str, RankRange]:
    """Return the models' places, by rating or else by score; none where there is neither."""
    if standings.ratings is not None:
        models = standings.ratings.models
        estimates, covariance = standings.ratings.ratings, standings.ratings.rating_covariance
        clusters = standings.ratings.clusters
    elif scores.means:
        models = tuple(scores.means)
        estimates = np.array([mean.value for mean in scores.means.values()])
        covariance, clusters = scores.covariance, scores.questions
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
    """Return the models' places by some estimates; without bounds where those have no spread."""
    if not np.all(np.isfinite(covariance)):
        found = zip(models, rank_estimates(estimates).tolist(), strict=True)
        return {model: RankRange(rank=rank) for model, rank in found}
    sets = rank_sets(estimates, covariance, rng, level=level, degrees_of_freedom=clusters - 1)
    bounds = zip(sets.rank.tolist(), sets.low.tolist(), sets.high.tolist(), strict=True)
    above = [
        frozenset(models[place] for place in np.flatnonzero(row).tolist()) for row in sets.above
    ]
    return {
        model: RankRange(rank=rank, low=low, high=high, above=beaten)
        for model, (rank, low, high), beaten in zip(models, bounds, above, strict=True)
    }
