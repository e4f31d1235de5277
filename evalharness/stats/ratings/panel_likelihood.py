"""Maximize the likelihood of a panel's battles, with log-odds gamma_m (theta_i - theta_j).

Only the products of gammas and strengths are determined. Here the gammas have a mean square of
one; `judge_aware` rescales them so that they can be interpreted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack
from scipy.special import expit

from evalharness.errors import ConvergenceError, SeparationError
from evalharness.stats.estimation.logistic_regression import build_strength_prior, fit_logistic
from evalharness.stats.estimation.newton import maximize_by_newton
from evalharness.stats.estimation.pair_matrices import PairDesignMatrix, build_difference_matrix
from evalharness.stats.estimation.sandwich import (
    clustered_sandwich_covariance,
    common_level_direction,
    generalized_inverse,
)

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.battles.comparisons import Comparisons

_SMALLEST_STEP = 1e-9
_ROUNDING = 1e-12
_START_PENALTY = 1.0
_LARGEST_LOG_ODDS = 30.0
"""Log-odds beyond this limit diverge: a judge's verdicts always follow the strengths."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelLikelihood:
    """The likelihood as a function of coefficients: strengths of the models, then gammas.

    Attributes:
        differences: the matrix that maps strengths to the difference of each battle's models.
        judges: the matrix that maps gammas to the gamma of each battle's judge.
        points: the first model's points in each battle.
        weight: the weight of each battle.
    """

    differences: csr_array
    judges: csr_array
    points: FloatArray
    weight: FloatArray

    @property
    def size(self) -> int:
        """The number of models."""
        return int(self.differences.shape[1])

    def log_odds(self, coefficients: FloatArray) -> FloatArray:
        """Return the log-odds that the first model wins, for each battle."""
        size = self.size
        gamma, gap = self.judges @ coefficients[size:], self.differences @ coefficients[:size]
        log_odds: FloatArray = gamma * gap
        return log_odds

    def log_odds_gradient(self, coefficients: FloatArray) -> csr_array:
        """Return the derivative of each battle's log-odds with respect to each coefficient."""
        size = self.size
        gamma, gap = self.judges @ coefficients[size:], self.differences @ coefficients[:size]
        by_strength, by_gamma = (
            diags_array(gamma) @ self.differences,
            diags_array(gap) @ self.judges,
        )
        return csr_array(hstack([by_strength, by_gamma]))

    def log_likelihood(self, coefficients: FloatArray) -> float:
        """Return the log-likelihood; ties count as half a win."""
        log_odds = self.log_odds(coefficients)
        return float(self.weight @ (self.points * log_odds - np.logaddexp(0.0, log_odds)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelFit:
    """Strengths and gammas with their inverse information and their covariance."""

    coefficients: FloatArray
    inverse: FloatArray
    covariance: FloatArray
    log_likelihood: float
    iterations: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PanelPoint:
    """Coefficients with their log-likelihood."""

    coefficients: FloatArray
    value: float


def fit_panel_likelihood(
    comparisons: Comparisons, judge: IntArray, judges: int, *, max_iterations: int
) -> PanelFit:
    """Return the maximum-likelihood fit.

    Args:
        comparisons: the battles.
        judge: each battle's judge, as a number from 0.
        judges: the number of judges.
        max_iterations: the maximum number of scoring steps.

    Raises:
        SeparationError: a strength or gamma has no finite value.
        ConvergenceError: the fit did not converge.
    """
    rows = np.arange(len(judge))
    panel = PanelLikelihood(
        differences=build_difference_matrix(comparisons),
        judges=csr_array((np.ones(len(judge)), (rows, judge)), shape=(len(judge), judges)),
        points=comparisons.points,
        weight=comparisons.weight,
    )
    start = _initial_coefficients(comparisons, judge, judges)
    best, iterations = _maximize(panel, start, max_iterations)
    coefficients = _choose_sign(panel.size, best, judge)
    inverse, covariance = _estimate_covariances(panel, coefficients, comparisons.cluster)
    return PanelFit(
        coefficients=coefficients,
        inverse=inverse,
        covariance=covariance,
        log_likelihood=panel.log_likelihood(coefficients),
        iterations=iterations,
    )


def _initial_coefficients(comparisons: Comparisons, judge: IntArray, judges: int) -> FloatArray:
    """Return the rank-one product nearest to the ratings by each judge, far from saddle points."""
    size = len(comparisons.models)
    by_judge = np.zeros((judges, size))
    for number in range(judges):
        battles = comparisons.select(judge == number)
        by_judge[number] = fit_logistic(
            PairDesignMatrix.from_battles(battles.first, battles.second, size),
            battles.weight * battles.points,
            battles.weight,
            prior=build_strength_prior(size, size, _START_PENALTY),
        ).coefficients
    left, values, right = np.linalg.svd(by_judge, full_matrices=False)
    if not values[0] > _ROUNDING:
        msg = "no judge prefers any model to another, so what their votes are worth is unknown"
        raise SeparationError(msg)
    return _normalize_gammas(size, np.concatenate([values[0] * right[0], left[:, 0]]))


def _maximize(
    panel: PanelLikelihood, start: FloatArray, max_iterations: int
) -> tuple[FloatArray, int]:
    """Return the maximum by Fisher scoring, and the number of steps taken."""

    def evaluate(coefficients: FloatArray) -> _PanelPoint:
        return _PanelPoint(coefficients=coefficients, value=panel.log_likelihood(coefficients))

    def compute_step(point: _PanelPoint) -> FloatArray:
        chance = expit(panel.log_odds(point.coefficients))
        gradient = panel.log_odds_gradient(point.coefficients)
        information = _cross_product(gradient, panel.weight * chance * (1 - chance))
        score = gradient.T @ (panel.weight * (panel.points - chance))
        null = _null_directions(panel.size, point.coefficients)
        step: FloatArray = _invert_information(information, null) @ score
        return step

    def normalize(point: _PanelPoint) -> _PanelPoint:
        normal = evaluate(_normalize_gammas(panel.size, point.coefficients))
        if np.max(np.abs(panel.log_odds(normal.coefficients))) > _LARGEST_LOG_ODDS:
            raise SeparationError(_NOT_FINITE)
        return normal

    best, iterations = maximize_by_newton(
        evaluate,
        compute_step,
        normalize,
        start,
        smallest_step=_SMALLEST_STEP,
        max_iterations=max_iterations,
        name="the judge-aware ratings",
        step_name="scoring",
    )
    return best.coefficients, iterations


def _normalize_gammas(size: int, coefficients: FloatArray) -> FloatArray:
    """Return coefficients of the same log-odds, with gammas of mean square one."""
    strength, gamma = coefficients[:size], coefficients[size:]
    scale = float(np.sqrt(np.mean(gamma**2)))
    return np.concatenate([strength * scale, gamma / scale])


def _choose_sign(size: int, coefficients: FloatArray, judge: IntArray) -> FloatArray:
    """Return the coefficients with the sign for which more judges prefer the better model."""
    gamma = coefficients[size:]
    majority = np.sign(gamma) @ np.bincount(judge, minlength=len(gamma))
    positive: FloatArray = -coefficients if majority < 0 else coefficients
    return positive


def _null_directions(size: int, coefficients: FloatArray) -> FloatArray:
    """Return the directions without effect: a common level, and strengths against gammas."""
    scale = np.concatenate([coefficients[:size], -coefficients[size:]])
    level = common_level_direction(size, len(coefficients))
    return np.column_stack([level, scale / np.linalg.norm(scale)])


def _estimate_covariances(
    panel: PanelLikelihood, coefficients: FloatArray, cluster: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return the inverse of the observed information, and the clustered covariance."""
    size = panel.size
    chance = expit(panel.log_odds(coefficients))
    residual = panel.weight * (panel.points - chance)
    gradient = panel.log_odds_gradient(coefficients)
    information = _cross_product(gradient, panel.weight * chance * (1 - chance))
    mixed = np.asarray((panel.differences.T @ diags_array(residual) @ panel.judges).toarray())
    information[:size, size:] -= mixed
    information[size:, :size] -= mixed.T
    inverse = _invert_information(information, _null_directions(size, coefficients))
    if np.linalg.eigvalsh(inverse)[0] < -_SMALLEST_STEP * np.max(np.abs(inverse)):
        msg = "the judge-aware ratings stopped beside a maximum: too few battles for all judges"
        raise ConvergenceError(msg)
    scores = csr_array(diags_array(residual) @ gradient)
    return inverse, clustered_sandwich_covariance(scores, cluster, information, inverse)


def _cross_product(gradient: csr_array, weight: FloatArray) -> FloatArray:
    product = gradient.T @ diags_array(weight) @ gradient
    return np.asarray(product.toarray(), dtype=np.float64)


def _invert_information(information: FloatArray, null: FloatArray) -> FloatArray:
    try:
        return generalized_inverse(information, null)
    except np.linalg.LinAlgError as error:
        raise SeparationError(_NOT_FINITE) from error


_NOT_FINITE = (
    "judge-aware ratings have no finite maximum-likelihood value: some model won every battle, or "
    "some judge never made an exception. Judge more battles, or rate without the judges"
)
