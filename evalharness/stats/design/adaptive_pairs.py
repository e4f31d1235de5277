"""Choose the next pair to compare by an adaptive Bradley-Terry design, and decide pairs.

A unit is one question on which two models are compared, in both orders. The next unit goes to the
pair that most reduces the sum of the probabilities that two models are in the wrong order. A pair
is decided when its z, clustered by question, leaves the boundary of `always_valid_boundary`. The
boundary is exact for a z of known variance; for a clustered z it is an approximation, which
simulations support.

`list_pairs` numbers the pairs of K models; arrays over pairs have K (K - 1) / 2 entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.blas_threads import limit_blas_threads
from evalharness.stats.intervals.always_valid import always_valid_boundary, choose_boundary_rho

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

PRIOR_PRECISION = 0.25
"""The prior precision of each strength (log scale): 95% of models within 680 rating points."""

_SMALLEST_STEP = 1e-8
_MAX_NEWTON_STEPS = 50
_MAX_STEP_LENGTH = 2.0
_GAMES_PER_UNIT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdaptiveEstimate:
    """The estimated strengths of the models.

    Attributes:
        strength: the strength of each model on the natural-log scale, with mean zero.
        covariance: the covariance of the strengths, which is the inverse information times
            `dispersion`.
        dispersion: the variance of differences relative to that of independent games.
        z: each pair's difference divided by its standard error; positive if the first is stronger.
        decided: whether each pair's order is decided at the always-valid level.
    """

    strength: FloatArray
    covariance: FloatArray
    dispersion: float
    z: FloatArray
    decided: npt.NDArray[np.bool_]


def list_pairs(models: int) -> tuple[IntArray, IntArray]:
    """Return the first model and the second model of each pair.

    Args:
        models: the number of models.
    """
    first, second = np.triu_indices(models, 1)
    return first, second


def estimate_adaptive_strengths(
    outcome: FloatArray, models: int, *, alpha: float = 0.05
) -> AdaptiveEstimate:
    """Return the strengths of the models, estimated from the outcomes of units.

    The fit is Bradley-Terry with a weak normal prior, so that strengths are finite from the first
    unit on. The variance of a pair is clustered by question, and at least the variance
    that independent units of the same dispersion would give.

    Args:
        outcome: a row for each pair, a column for each question: the first model's mean points,
            0 to 1; NaN where there is no outcome.
        models: the number of models.
        alpha: the probability of ever deciding between equals, as in `always_valid_boundary`.
    """
    first, second = list_pairs(models)
    is_known = ~np.isnan(outcome)
    number, points = is_known.sum(axis=1), np.nansum(outcome, axis=1)
    with limit_blas_threads(models):
        strength, inverse, expected = _fit_strengths(models, number, points)
    residual = np.where(is_known, outcome - expected[:, None], 0.0)
    scores = _GAMES_PER_UNIT * _sum_by_model(residual, models)
    questions = int(is_known.any(axis=0).sum())
    spread = inverse @ scores
    clustered = questions / max(questions - 1, 1) * (spread @ spread.T)
    independent = _difference_variances(
        _unit_dispersion(number, residual, expected) * inverse, first, second
    )
    variance = np.maximum(independent, _difference_variances(clustered, first, second))
    z = (strength[first] - strength[second]) / np.sqrt(variance)
    rho = choose_boundary_rho(models, outcome.shape[1], alpha)
    dispersion = float(variance.sum() / _difference_variances(inverse, first, second).sum())
    return AdaptiveEstimate(
        strength=strength,
        covariance=dispersion * inverse,
        dispersion=dispersion,
        z=z,
        decided=np.abs(z) > always_valid_boundary(1 / variance, alpha=alpha, rho=rho),
    )


def choose_next_pairs(
    estimate: AdaptiveEstimate, pending: IntArray, remaining: IntArray, number: int
) -> list[int]:
    """Return the pairs of the next units, best first; fewer than `number` when no more are open.

    A unit of pair p reduces the summed probabilities of a wrong order by c . D_p^2 / (1 / w_p +
    v_p). D_p are the covariances of its difference with the difference of each undecided pair, v_p
    is its variance, w_p = 2 p (1 - p) the information of a unit, and c = phi(z) |z| / 2 v. Before
    the first outcome c is 1, which reduces the mean variance of differences fastest. The covariance
    is updated for pending units and after every chosen unit.

    Args:
        estimate: the result of `estimate_adaptive_strengths`.
        pending: the number of issued units of each pair without an outcome in the estimate.
        remaining: the number of units of each pair that are not issued yet.
        number: the number of units to choose.
    """
    size = len(estimate.strength)
    first, second = list_pairs(size)
    difference = estimate.strength[first] - estimate.strength[second]
    information = _GAMES_PER_UNIT * _variance(_logistic(difference)) / estimate.dispersion
    covariance, remaining = estimate.covariance.copy(), remaining.copy()
    for pair in np.flatnonzero(pending):
        _condition_on_unit(covariance, first[pair], second[pair], pending[pair] * information[pair])
    is_blank = not estimate.z.any()
    chosen: list[int] = []
    with limit_blas_threads(size):
        for _ in range(number):
            is_open = (remaining > 0) & ~estimate.decided
            if not is_open.any():
                break
            variance = _difference_variances(covariance, first, second)
            risk = np.ones_like(variance) if is_blank else _order_risk(difference, variance)
            weights = np.where(estimate.decided, 0.0, risk)
            drop = _weighted_squared_covariances(covariance, weights, first, second)
            gain = np.where(is_open, drop / (1 / information + variance), -1.0)
            best = int(gain.argmax())
            chosen.append(best)
            remaining[best] -= 1
            _condition_on_unit(covariance, first[best], second[best], information[best])
    return chosen


def _fit_strengths(
    models: int, number: IntArray, points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return strengths, the inverse of their information, and each pair's expected points."""
    first, second = list_pairs(models)
    strength = np.zeros(models)
    for _ in range(_MAX_NEWTON_STEPS):
        expected = _logistic(strength[first] - strength[second])
        edge = np.zeros((models, models))
        edge[first, second] = _GAMES_PER_UNIT * number * _variance(expected)
        edge += edge.T
        information: FloatArray = np.diag(edge.sum(axis=0) + PRIOR_PRECISION) - edge
        slope = _sum_by_model(_GAMES_PER_UNIT * (points - number * expected)[:, None], models)[:, 0]
        step = np.linalg.solve(information, slope - PRIOR_PRECISION * strength)
        strength += step * min(1.0, _MAX_STEP_LENGTH / max(np.abs(step).max(), _SMALLEST_STEP))
        if np.abs(step).max() < _SMALLEST_STEP:
            break
    return strength, np.asarray(np.linalg.inv(information), dtype=np.float64), expected


def _unit_dispersion(number: IntArray, residual: FloatArray, expected: FloatArray) -> float:
    """Return the variance of units relative to two independent games; 1 without units."""
    expected_variance = float((number * _variance(expected)).sum()) / _GAMES_PER_UNIT
    observed_variance = float((residual**2).sum())
    return (observed_variance + 1) / (expected_variance + 1)


def _sum_by_model(values: FloatArray, models: int) -> FloatArray:
    """Return for each model the sum of its pairs' values, negated where it is the second."""
    first, second = list_pairs(models)
    square = np.zeros((models, models, values.shape[1]))
    square[first, second] = values
    sums: FloatArray = square.sum(axis=1) - square.sum(axis=0)
    return sums


def _difference_variances(matrix: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    diagonal = np.diagonal(matrix)
    contrasts: FloatArray = diagonal[first] + diagonal[second] - 2 * matrix[first, second]
    return contrasts


def _weighted_squared_covariances(
    covariance: FloatArray, weights: FloatArray, first: IntArray, second: IntArray
) -> FloatArray:
    """Return each pair's weighted sum of squared covariances with all pairs' differences.

    sum_r c_r D_rp^2 = a_p' V L V a_p with L the Laplacian of the weights, which avoids an array of
    pairs by pairs.
    """
    laplacian = np.zeros_like(covariance)
    laplacian[first, second] = -weights
    laplacian += laplacian.T
    np.fill_diagonal(laplacian, -laplacian.sum(axis=0))
    return _difference_variances(covariance @ laplacian @ covariance, first, second)


def _order_risk(difference: FloatArray, variance: FloatArray) -> FloatArray:
    """Return the derivative of the probability of a wrong order with respect to the variance."""
    z = np.abs(difference) / np.sqrt(variance)
    density: FloatArray = np.exp(-z * z / 2) * z / variance
    return density


def _condition_on_unit(covariance: FloatArray, first: int, second: int, information: float) -> None:
    """Update the covariance, in place, for one more observation of a difference."""
    column = covariance[:, first] - covariance[:, second]
    variance = column[first] - column[second]
    covariance -= np.outer(column, column) / (1 / information + variance)


def _logistic(x: FloatArray) -> FloatArray:
    probability: FloatArray = 1 / (1 + np.exp(-x))
    return probability


def _variance(probability: FloatArray) -> FloatArray:
    variance: FloatArray = np.maximum(probability * (1 - probability), 1e-9)
    return variance
