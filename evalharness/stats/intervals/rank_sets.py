"""Compute rank sets: the ranks of each model that the data allow, simultaneously for all models.

A pair is decided when its difference exceeds c standard errors, with c the quantile of the largest
|Z_i - Z_j| / se_ij. With probability `level`, no pair is decided wrongly (Mogstad, Romano,
Shaikh & Wilhelm 2024, Review of Economic Studies 91; Klein, Wright & Wieczorek 2020). Overlaps of
single intervals have no such guarantee.

A difference without error is not decided: with few questions a spread of zero is a matter of chance.
Errors that hold for few questions may be given apart from the covariance; they decide, while the
covariance gives the correlations of the differences and so the quantile.

The step-down method is sharper with the same guarantee (Romano & Wolf 2005, Econometrica 73): c is
computed again for the undecided pairs, until a step decides no more pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtrit

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

_ROUNDING = 1e-9
"""Differences below this share of the largest estimate are treated as rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankSets:
    """Ranks by estimate (equal estimates share the best rank), and simultaneous bounds.

    Attributes:
        rank: the rank by estimate; 1 is the largest.
        low: the best rank that the data allow.
        high: the worst rank that the data allow.
        above: whether the row's model is decided to be above the column's; their rank bounds
            may still overlap.
        critical: the critical value of the first step, in standard errors.
        level: the probability that all sets contain the true ranks.
        draws: the number of vectors drawn.
    """

    rank: IntArray
    low: IntArray
    high: IntArray
    above: npt.NDArray[np.bool_]
    critical: float
    level: float
    draws: int


def rank_sets(
    estimates: FloatArray,
    covariance: FloatArray,
    rng: np.random.Generator,
    *,
    errors: FloatArray | None = None,
    level: float = 0.95,
    degrees_of_freedom: float = np.inf,
    draws: int = 20_000,
    stepdown: bool = True,
) -> RankSets:
    """Return ranks (1 is the largest estimate) with simultaneous rank sets.

    Args:
        estimates: one number for each model.
        covariance: the covariance of the estimates; only differences of models matter.
        rng: draws the normal (or, with finite degrees of freedom, Student) vectors.
        errors: the error of each difference of row minus column, such as
            `FittedRatings.difference_errors`; by default, that of the covariance.
        level: the probability that all sets contain the true ranks.
        degrees_of_freedom: clusters - 1 for a clustered covariance.
        draws: the number of vectors to draw.
        stepdown: whether to decide in steps, which can only make sets smaller.

    Raises:
        ValueError: the covariance is not finite.
    """
    if not np.all(np.isfinite(covariance)):
        msg = "rank sets need a finite covariance: one question alone leaves all ranks open"
        raise ValueError(msg)
    plain = compute_difference_errors(covariance)
    drawn = _draw_vectors(covariance, rng, degrees_of_freedom, draws)
    varies = plain > _ROUNDING * np.max(plain, initial=0.0)
    errors = np.where(varies, plain, np.inf) if errors is None else np.maximum(errors, plain)
    alone = student_quantile((1 + level) / 2, degrees_of_freedom)
    gaps = compute_gaps(estimates)
    undecided = ~np.eye(len(estimates), dtype=np.bool_)
    above = np.zeros_like(undecided)
    critical = reach = _critical_value(drawn, plain, undecided & varies, level)
    # One comparison has an exact quantile, below which the largest of several cannot be.
    while (decided := undecided & (gaps > 0) & (gaps > max(reach, alone) * errors)).any():
        above |= decided
        undecided &= ~decided
        if not stepdown:
            break
        reach = _critical_value(drawn, plain, undecided & varies, level)
    return RankSets(
        rank=rank_estimates(estimates),
        low=1 + above.sum(axis=0),
        high=len(estimates) - above.sum(axis=1),
        above=above,
        critical=critical,
        level=level,
        draws=draws,
    )


def rank_estimates(estimates: FloatArray) -> IntArray:
    """Return ranks, with 1 for the largest estimate; equal estimates share the best rank.

    Args:
        estimates: one number for each model.
    """
    rank: IntArray = 1 + np.sum(compute_gaps(estimates) < 0, axis=1)
    return rank


def compute_gaps(estimates: FloatArray) -> FloatArray:
    """Return how far each model (row) is above each other (column); 0 for rounding differences.

    Args:
        estimates: one number for each model.
    """
    gaps: FloatArray = estimates[:, None] - estimates
    gaps[np.abs(gaps) <= _ROUNDING * np.max(np.abs(estimates), initial=0.0)] = 0.0
    return gaps


def compute_difference_errors(covariance: FloatArray) -> FloatArray:
    """Return the standard error of each difference of two estimates, as a matrix.

    Args:
        covariance: the covariance of the estimates.
    """
    variances = np.diag(covariance)
    return np.sqrt(np.maximum(variances[:, None] + variances - 2 * covariance, 0.0))


def student_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Return a quantile of Student's t, or of the normal distribution for infinite degrees."""
    if np.isinf(degrees_of_freedom):
        return float(ndtri(probability))
    return float(stdtrit(degrees_of_freedom, probability))


def _draw_vectors(
    covariance: FloatArray, rng: np.random.Generator, degrees_of_freedom: float, draws: int
) -> FloatArray:
    """Return random vectors (rows) with this covariance."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn: FloatArray = rng.standard_normal((draws, len(values))) @ root.T
    if np.isfinite(degrees_of_freedom):
        drawn /= np.sqrt(rng.chisquare(degrees_of_freedom, (draws, 1)) / degrees_of_freedom)
    return drawn


def _critical_value(
    drawn: FloatArray, errors: FloatArray, undecided: npt.NDArray[np.bool_], level: float
) -> float:
    """Return the quantile of the largest standardized lead of a model (row) over another."""
    largest = np.zeros(len(drawn))
    for model, others in enumerate(undecided):
        leads = (drawn[:, [model]] - drawn[:, others]) / errors[model, others]
        largest = np.maximum(largest, leads.max(axis=1, initial=0.0))
    return float(np.quantile(largest, level))
