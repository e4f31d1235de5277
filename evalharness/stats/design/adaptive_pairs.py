"""Which comparison to make next, and when enough are made: adaptive Bradley-Terry designs.

A unit is one question on which two models are compared, in both orders. The next unit goes to the
pair that lowers most the sum of the probabilities that two models are in the wrong order. A pair
is decided when its z, clustered by question, leaves a boundary that a random walk without drift
leaves once in 1/alpha walks at most, however often one looks: the normal mixture of Robbins 1970
(Ann. Math. Stat. 41) as in Howard, Ramdas, McAuliffe & Sekhon 2021 (Ann. Stat. 49). That holds for
z of known variance; for a clustered z it is an approximation, which simulation bears out.

Pairs of K models are numbered as `pairs` lists them; arrays over pairs have K (K - 1) / 2 entries.
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
"""Of each strength, on the natural scale: 95% of models lie within 680 points of the mean rating."""

_SMALLEST_STEP = 1e-8
_MAX_NEWTON_STEPS = 50
_MAX_STEP_LENGTH = 2.0
_GAMES_PER_UNIT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdaptiveEstimate:
    """What the units so far say of the models.

    Attributes:
        strength: each model's, natural scale, mean zero.
        covariance: of the strengths, as the likelihood expects it, times `dispersion`.
        dispersion: how much more the scores of questions vary than if all games were independent.
        z: each pair's difference over its standard error; positive where the first is stronger.
        decided: pairs whose order is decided at the always-valid level.
    """

    strength: FloatArray
    covariance: FloatArray
    dispersion: float
    z: FloatArray
    decided: npt.NDArray[np.bool_]


def list_pairs(models: int) -> tuple[IntArray, IntArray]:
    """Return the first and the second models of all pairs, by number.

    Args:
        models: how many there are.
    """
    first, second = np.triu_indices(models, 1)
    return first, second


def estimate_adaptive_strengths(
    outcome: FloatArray, models: int, *, alpha: float = 0.05
) -> AdaptiveEstimate:
    """Return what units say of the models.

    Strengths are Bradley-Terry's with a weak normal prior, so that they are finite from the first
    unit on. A pair's variance is clustered by question, and no less than if all units, spread as they
    are, were independent.

    Args:
        outcome: a row a pair, a column a question: the first model's mean points, 0 to 1; NaN
            where nothing is known.
        models: how many there are.
        alpha: see `boundary`.
    """
    first, second = list_pairs(models)
    known = ~np.isnan(outcome)
    number, points = known.sum(axis=1), np.nansum(outcome, axis=1)
    with limit_blas_threads(models):
        strength, inverse, expected = _fit_strengths(models, number, points)
    residual = np.where(known, outcome - expected[:, None], 0.0)
    scores = _GAMES_PER_UNIT * _sum_by_model(residual, models)
    questions = int(known.any(axis=0).sum())
    spread = inverse @ scores
    clustered = questions / max(questions - 1, 1) * (spread @ spread.T)
    alone = _difference_variances(
        _unit_dispersion(number, residual, expected) * inverse, first, second
    )
    variance = np.maximum(alone, _difference_variances(clustered, first, second))
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
    standing: AdaptiveEstimate, pending: IntArray, left: IntArray, number: int
) -> list[int]:
    """Return the pairs of the next units, best first; fewer than asked for when no more are open.

    A unit of pair p takes c . D_p^2 / (1 / w_p + v_p) off the summed probabilities of a wrong
    order, with D_p the covariances of p's difference with that of each undecided pair, v_p its own
    variance, w_p = 2 p (1 - p) what a unit tells, and c = phi(z) |z| / 2 v. Where nothing is known
    yet, c is 1: the mean variance of differences falls fastest. The covariance is updated after
    every unit, as are the units pending.

    Args:
        standing: from `assess`.
        pending: how many units of each pair are asked whose outcome is not in the standing.
        left: how many units of each pair are not asked yet.
        number: how many to choose.
    """
    size = len(standing.strength)
    first, second = list_pairs(size)
    difference = standing.strength[first] - standing.strength[second]
    tells = _GAMES_PER_UNIT * _variance(_logistic(difference)) / standing.dispersion
    covariance, left = standing.covariance.copy(), left.copy()
    for place in np.flatnonzero(pending):
        _condition_on_unit(covariance, first[place], second[place], pending[place] * tells[place])
    is_blank = not standing.z.any()
    chosen: list[int] = []
    with limit_blas_threads(size):
        for _ in range(number):
            is_open = (left > 0) & ~standing.decided
            if not is_open.any():
                break
            variance = _difference_variances(covariance, first, second)
            concern = np.ones_like(variance) if is_blank else _order_risk(difference, variance)
            weights = np.where(standing.decided, 0.0, concern)
            drop = _weighted_squared_covariances(covariance, weights, first, second)
            gain = np.where(is_open, drop / (1 / tells + variance), -1.0)
            best = int(gain.argmax())
            chosen.append(best)
            left[best] -= 1
            _condition_on_unit(covariance, first[best], second[best], tells[best])
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
    """Return how much units vary, over what two independent games without ties would; 1 at first."""
    usual = float((number * _variance(expected)).sum()) / _GAMES_PER_UNIT
    varied = float((residual**2).sum())
    return (varied + 1) / (usual + 1)


def _sum_by_model(values: FloatArray, models: int) -> FloatArray:
    """Return for each model the sum of its pairs' values, with a minus where it is the second."""
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

    sum_r c_r D_rp^2 = a_p' V L V a_p with L the Laplacian of the weights: no array of pairs by pairs.
    """
    laplacian = np.zeros_like(covariance)
    laplacian[first, second] = -weights
    laplacian += laplacian.T
    np.fill_diagonal(laplacian, -laplacian.sum(axis=0))
    return _difference_variances(covariance @ laplacian @ covariance, first, second)


def _order_risk(difference: FloatArray, variance: FloatArray) -> FloatArray:
    """Return how fast the probability of a wrong order falls with the variance."""
    z = np.abs(difference) / np.sqrt(variance)
    density: FloatArray = np.exp(-z * z / 2) * z / variance
    return density


def _condition_on_unit(covariance: FloatArray, first: int, second: int, tells: float) -> None:
    """Update the covariance for one more observation of a difference."""
    column = covariance[:, first] - covariance[:, second]
    variance = column[first] - column[second]
    covariance -= np.outer(column, column) / (1 / tells + variance)


def _logistic(x: FloatArray) -> FloatArray:
    probability: FloatArray = 1 / (1 + np.exp(-x))
    return probability


def _variance(probability: FloatArray) -> FloatArray:
    variance: FloatArray = np.maximum(probability * (1 - probability), 1e-9)
    return variance
