"""Test all pairs of models, corrected for the number of tests, and group similar models.

The variance of each test comes from the full covariance (v_ii + v_jj - 2 v_ij). Overlaps of single
intervals would ignore that all models answer the same questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtr

from evalharness.stats.intervals.rank_sets import compute_difference_errors, compute_gaps

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

    BoolArray = npt.NDArray[np.bool_]


class MultipleTestCorrection(StrEnum):
    """The controlled error rate: of any false rejection, or the expected share of false ones."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini_hochberg"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairTests:
    """The tests of all pairs of models, as matrices of model by model.

    Attributes:
        p_values: the two-sided p values of no difference.
        adjusted: the p values after the correction.
        above: whether the row's model is significantly better than the column's.
        low: the best rank that the decisions allow.
        high: the worst rank that the decisions allow.
        groups: the largest sets of models (indices, best first) without a significant difference
            within the set. They correspond to the letters of a compact letter display.
        correction: the error rate that is controlled.
        level: 1 minus the bound on the error rate.
    """

    p_values: FloatArray
    adjusted: FloatArray
    above: BoolArray
    low: IntArray
    high: IntArray
    groups: tuple[tuple[int, ...], ...]
    correction: MultipleTestCorrection
    level: float


def compare_all_pairs(
    estimates: FloatArray,
    covariance: FloatArray,
    *,
    errors: FloatArray | None = None,
    correction: MultipleTestCorrection = MultipleTestCorrection.HOLM,
    level: float = 0.95,
    degrees_of_freedom: float = np.inf,
) -> PairTests:
    """Return the tests of all pairs of models, with significance groups.

    Args:
        estimates: one number for each model.
        covariance: the covariance of the estimates.
        errors: the error of each difference of row minus column, such as
            `FittedRatings.difference_errors`; by default, that of the covariance.
        correction: Holm 1979 bounds the probability of any false rejection by 1 - level, Benjamini
            & Hochberg 1995 the expected share of false rejections.
        level: 1 minus the bound on the error rate.
        degrees_of_freedom: clusters - 1 for a clustered covariance.

    Raises:
        ValueError: the covariance is not finite, or the level is outside 0..1.
    """
    if not 0 < level < 1:
        msg = f"a level lies between 0 and 1, not {level}"
        raise ValueError(msg)
    standardized = _standardize_differences(estimates, covariance, errors)
    p_values = 2 * _upper_tail(np.abs(standardized), degrees_of_freedom)
    pairs = np.triu_indices(len(estimates), 1)
    adjusted = np.ones_like(p_values)
    adjusted[pairs] = _ADJUSTMENTS[correction](p_values[pairs])
    adjusted = np.minimum(adjusted, adjusted.T)
    decided = adjusted <= 1 - level
    above = decided & (estimates[:, None] > estimates)
    return PairTests(
        p_values=p_values,
        adjusted=adjusted,
        above=above,
        low=1 + above.sum(axis=0),
        high=len(estimates) - above.sum(axis=1),
        groups=_significance_groups(estimates, above),
        correction=correction,
        level=level,
    )


def estimate_better_probabilities(
    estimates: FloatArray,
    covariance: FloatArray,
    *,
    errors: FloatArray | None = None,
    degrees_of_freedom: float = np.inf,
) -> FloatArray:
    """Return the probability that each model (row) is better than each other, given the data.

    This is the posterior under a flat prior: the distribution function of the standardized
    difference. It approaches 0 or 1 with more battles; the probability of winning a single battle
    does not.

    Args:
        estimates: one number for each model.
        covariance: the covariance of the estimates.
        errors: the error of each difference of row minus column, such as
            `FittedRatings.difference_errors`; by default, that of the covariance.
        degrees_of_freedom: clusters - 1 for a clustered covariance.

    Raises:
        ValueError: the covariance is not finite.
    """
    standardized = _standardize_differences(estimates, covariance, errors)
    return _upper_tail(-standardized, degrees_of_freedom)


def adjust_holm(p_values: npt.ArrayLike) -> FloatArray:
    """Return Holm's (1979) adjusted p values, which control the probability of a false rejection.

    Args:
        p_values: one for each test.
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    number = len(given)
    adjusted = np.empty(number)
    scaled = given[order] * np.arange(number, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def _standardize_differences(
    estimates: FloatArray, covariance: FloatArray, errors: FloatArray | None
) -> FloatArray:
    """Return differences divided by their errors; 0 for rounding and for an error of 0 or infinity.

    Errors apply in the direction of the difference: row minus column where it is positive.
    """
    if not np.all(np.isfinite(covariance)):
        msg = "comparing models needs a finite covariance: one question alone decides nothing"
        raise ValueError(msg)
    differences, plain = compute_gaps(estimates), compute_difference_errors(covariance)
    given = plain if errors is None else np.maximum(errors, plain)
    directed = np.where(differences > 0, given, given.T)
    standardized: FloatArray = np.divide(
        differences, directed, out=np.zeros_like(differences), where=directed > 0
    )
    return standardized


def _upper_tail(statistic: FloatArray, degrees_of_freedom: float) -> FloatArray:
    if np.isinf(degrees_of_freedom):
        return np.asarray(ndtr(-statistic), dtype=np.float64)
    return np.asarray(stdtr(degrees_of_freedom, -statistic), dtype=np.float64)


def _benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    order = np.argsort(p_values, kind="stable")[::-1]
    number = len(p_values)
    adjusted = np.empty(number)
    scaled = p_values[order] * number / np.arange(number, 0, -1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled))
    return adjusted


_ADJUSTMENTS = {
    MultipleTestCorrection.HOLM: adjust_holm,
    MultipleTestCorrection.BENJAMINI_HOCHBERG: _benjamini_hochberg,
}


def _significance_groups(estimates: FloatArray, above: BoolArray) -> tuple[tuple[int, ...], ...]:
    """Return the significance groups by the insert-and-absorb algorithm.

    See Piepho 2004 (Journal of Computational and Graphical Statistics 13).
    """
    groups = {frozenset(range(len(estimates)))}
    for better, worse in np.argwhere(above).tolist():
        split = {group for group in groups if better in group and worse in group}
        parts = {group - {model} for group in split for model in (better, worse)}
        kept = groups - split
        groups = kept | {part for part in parts if not any(part < other for other in kept | parts)}
    order = np.argsort(-estimates, kind="stable").tolist()
    place = {model: number for number, model in enumerate(order)}
    ordered = [sorted(group, key=place.__getitem__) for group in groups]
    return tuple(
        tuple(group)
        for group in sorted(ordered, key=lambda group: [place[model] for model in group])
    )
