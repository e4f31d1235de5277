"""Rank sets: for every model the ranks that the data leave open, all true at once.

Each pair counts as decided when its difference exceeds c standard errors, c the quantile of the
largest |Z_i - Z_j| / se_ij, so that with the wanted probability no pair at all is decided wrongly
(Mogstad, Romano, Shaikh & Wilhelm 2024, Review of Economic Studies 91; Klein, Wright & Wieczorek
2020). Overlaps of single intervals have no such guarantee.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalharness.stats.comparisons import FloatArray, IntArray

_EQUAL = 1e-9
"""Relative to the largest estimate: differences below are rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankSets:
    """Ranks by estimate (equal ones share the best), and simultaneous bounds `low`..`high`."""

    rank: IntArray
    low: IntArray
    high: IntArray
    critical: float
    level: float
    draws: int


def rank_sets(
    estimates: FloatArray,
    covariance: FloatArray,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    degrees_of_freedom: float = np.inf,
    draws: int = 20_000,
) -> RankSets:
    """Return ranks, 1 the largest estimate, with simultaneous rank sets.

    Args:
        estimates: one number a model.
        covariance: their covariance; only differences of models matter.
        rng: draws the normal (or, with finite degrees of freedom, Student) vectors.
        level: the probability that all sets hold the true ranks.
        degrees_of_freedom: clusters - 1 for a clustered covariance.
        draws: how many vectors are drawn.

    Raises:
        ValueError: the covariance is not finite.
    """
    if not np.all(np.isfinite(covariance)):
        msg = "rank sets need a finite covariance: one question alone leaves all ranks open"
        raise ValueError(msg)
    variances = np.diag(covariance)
    errors = np.sqrt(np.maximum(variances[:, None] + variances - 2 * covariance, 0.0))
    largest = _largest_gaps(covariance, errors, rng, degrees_of_freedom, draws)
    critical = float(np.quantile(largest, level))
    above = gaps(estimates) > critical * errors
    return RankSets(
        rank=ranks(estimates),
        low=1 + above.sum(axis=0),
        high=len(estimates) - above.sum(axis=1),
        critical=critical,
        level=level,
        draws=draws,
    )


def ranks(estimates: FloatArray) -> IntArray:
    """Return ranks, 1 the largest estimate; equal ones share the best."""
    rank: IntArray = 1 + np.sum(gaps(estimates) < 0, axis=1)
    return rank


def gaps(estimates: FloatArray) -> FloatArray:
    """Return how far each model (row) is above each other, 0 where only by rounding."""
    found: FloatArray = estimates[:, None] - estimates
    found[np.abs(found) <= _EQUAL * np.max(np.abs(estimates), initial=0.0)] = 0.0
    return found


def _largest_gaps(
    covariance: FloatArray,
    errors: FloatArray,
    rng: np.random.Generator,
    degrees_of_freedom: float,
    draws: int,
) -> FloatArray:
    """Return for each draw the largest standardised difference of two models."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = rng.standard_normal((draws, len(values))) @ root.T
    largest = np.zeros(draws)
    known = errors > _EQUAL * np.max(errors, initial=0.0)
    for model in range(len(values) - 1):
        others = model + 1 + np.flatnonzero(known[model, model + 1 :])
        gaps = np.abs(drawn[:, [model]] - drawn[:, others]) / errors[model, others]
        largest = np.maximum(largest, gaps.max(axis=1, initial=0.0))
    if np.isfinite(degrees_of_freedom):
        largest /= np.sqrt(rng.chisquare(degrees_of_freedom, draws) / degrees_of_freedom)
    return largest
