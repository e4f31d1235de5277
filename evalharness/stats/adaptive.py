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

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.blas import one_thread

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.comparisons import FloatArray, IntArray

PRIOR_PRECISION = 0.25
"""Of each strength, on the natural scale: 95% of models lie within 680 points of the mean rating."""

SMALLEST_STEP = 1e-8
_MOST_STEPS = 50
_LONGEST_STEP = 2.0
_BOTH_ORDERS = 2.0
_BEST_AT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
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


def pairs(models: int) -> tuple[IntArray, IntArray]:
    """Return the first and the second models of all pairs, by number.

    Args:
        models: how many there are.
    """
    first, second = np.triu_indices(models, 1)
    return first, second


def boundary(information: npt.ArrayLike, *, alpha: float, rho: float) -> FloatArray:
    """Return how large |z| may be, at each amount of information, before a pair is decided.

    sqrt((1 + rho / t) (ln((t + rho) / rho) - 2 ln alpha)), with t the information.

    Args:
        information: one over the variance of the difference; above 0.
        alpha: the probability of ever deciding between equals.
        rho: the boundary is closest to fixed-size tests at 8.8 times this, at alpha = 0.05.
    """
    t = np.asarray(information, dtype=np.float64)
    bound: FloatArray = np.sqrt((1 + rho / t) * (np.log1p(t / rho) - 2 * math.log(alpha)))
    return bound


def mixture_weight(models: int, questions: int, alpha: float) -> float:
    """Return the `rho` whose boundary is closest at a quarter of what asking everything would tell.

    It must not depend on any outcome. Howard et al. 2021, section 3.5: the boundary is closest at
    t where rho = t / (-2 ln alpha + ln(-2 ln alpha) + 1), to first order.

    Args:
        models: how many there are.
        questions: how many there are.
        alpha: the probability of ever deciding between equals.
    """
    everything = models * questions / 4  # pairs of equals: a unit tells 2 / 4
    logarithm = -2 * math.log(alpha)
    return _BEST_AT * everything / (logarithm + math.log(logarithm) + 1)


def assess(outcome: FloatArray, models: int, *, alpha: float = 0.05) -> Standing:
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
    first, second = pairs(models)
    known = ~np.isnan(outcome)
    number, points = known.sum(axis=1), np.nansum(outcome, axis=1)
    with one_thread(models):
        strength, inverse, expected = _fit(models, number, points)
    residual = np.where(known, outcome - expected[:, None], 0.0)
    scores = _BOTH_ORDERS * _by_model(residual, models)
    questions = int(known.any(axis=0).sum())
    spread = inverse @ scores
    clustered = questions / max(questions - 1, 1) * (spread @ spread.T)
    alone = _contrasts(_unit_dispersion(number, residual, expected) * inverse, first, second)
    variance = np.maximum(alone, _contrasts(clustered, first, second))
    z = (strength[first] - strength[second]) / np.sqrt(variance)
    rho = mixture_weight(models, outcome.shape[1], alpha)
    dispersion = float(variance.sum() / _contrasts(inverse, first, second).sum())
    return Standing(
        strength=strength,
        covariance=dispersion * inverse,
        dispersion=dispersion,
        z=z,
        decided=np.abs(z) > boundary(1 / variance, alpha=alpha, rho=rho),
    )


def choose(standing: Standing, pending: IntArray, left: IntArray, number: int) -> list[int]:
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
    first, second = pairs(size)
    difference = standing.strength[first] - standing.strength[second]
    tells = _BOTH_ORDERS * _variance(_logistic(difference)) / standing.dispersion
    covariance, left = standing.covariance.copy(), left.copy()
    for place in np.flatnonzero(pending):
        _take(covariance, first[place], second[place], pending[place] * tells[place])
    is_blank = not standing.z.any()
    chosen: list[int] = []
    with one_thread(size):
        for _ in range(number):
            is_open = (left > 0) & ~standing.decided
            if not is_open.any():
                break
            variance = _contrasts(covariance, first, second)
            concern = np.ones_like(variance) if is_blank else _concern(difference, variance)
            weights = np.where(standing.decided, 0.0, concern)
            drop = _quadratic(covariance, weights, first, second)
            gain = np.where(is_open, drop / (1 / tells + variance), -1.0)
            best = int(gain.argmax())
            chosen.append(best)
            left[best] -= 1
            _take(covariance, first[best], second[best], tells[best])
    return chosen


def _fit(
    models: int, number: IntArray, points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return strengths, the inverse of their information, and each pair's expected points."""
    first, second = pairs(models)
    strength = np.zeros(models)
    for _ in range(_MOST_STEPS):
        expected = _logistic(strength[first] - strength[second])
        edge = np.zeros((models, models))
        edge[first, second] = _BOTH_ORDERS * number * _variance(expected)
        edge += edge.T
        information: FloatArray = np.diag(edge.sum(axis=0) + PRIOR_PRECISION) - edge
        slope = _by_model(_BOTH_ORDERS * (points - number * expected)[:, None], models)[:, 0]
        step = np.linalg.solve(information, slope - PRIOR_PRECISION * strength)
        strength += step * min(1.0, _LONGEST_STEP / max(np.abs(step).max(), SMALLEST_STEP))
        if np.abs(step).max() < SMALLEST_STEP:
            break
    return strength, np.asarray(np.linalg.inv(information), dtype=np.float64), expected


def _unit_dispersion(number: IntArray, residual: FloatArray, expected: FloatArray) -> float:
    """Return how much units vary, over what two independent games without ties would; 1 at first."""
    usual = float((number * _variance(expected)).sum()) / _BOTH_ORDERS
    varied = float((residual**2).sum())
    return (varied + 1) / (usual + 1)


def _by_model(values: FloatArray, models: int) -> FloatArray:
    """Return for each model the sum of its pairs' values, with a minus where it is the second."""
    first, second = pairs(models)
    square = np.zeros((models, models, values.shape[1]))
    square[first, second] = values
    sums: FloatArray = square.sum(axis=1) - square.sum(axis=0)
    return sums


def _contrasts(matrix: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    diagonal = np.diagonal(matrix)
    contrasts: FloatArray = diagonal[first] + diagonal[second] - 2 * matrix[first, second]
    return contrasts


def _quadratic(
    covariance: FloatArray, weights: FloatArray, first: IntArray, second: IntArray
) -> FloatArray:
    """Return each pair's weighted sum of squared covariances with all pairs' differences.

    sum_r c_r D_rp^2 = a_p' V L V a_p with L the Laplacian of the weights: no array of pairs by pairs.
    """
    laplacian = np.zeros_like(covariance)
    laplacian[first, second] = -weights
    laplacian += laplacian.T
    np.fill_diagonal(laplacian, -laplacian.sum(axis=0))
    return _contrasts(covariance @ laplacian @ covariance, first, second)


def _concern(difference: FloatArray, variance: FloatArray) -> FloatArray:
    """Return how fast the probability of a wrong order falls with the variance."""
    z = np.abs(difference) / np.sqrt(variance)
    density: FloatArray = np.exp(-z * z / 2) * z / variance
    return density


def _take(covariance: FloatArray, first: int, second: int, tells: float) -> None:
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
