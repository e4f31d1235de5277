"""The likelihood of battles before a panel of judges: log-odds gamma_m (theta_i - theta_j).

Only products of gammas and strengths are determined. Here gammas have a mean square of one;
`judge_aware` gives them a scale that can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack
from scipy.special import expit

from evalharness.errors import ConvergenceError, SeparationError
from evalharness.stats.estimation.logistic_regression import build_strength_prior, fit_logistic
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
"""Log-odds beyond this run to infinity: a judge's verdicts follow the strengths without exception."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelLikelihood:
    """Battles with the matrices that take strengths (`design`) and gammas (`seats`) to them."""

    design: csr_array
    seats: csr_array
    points: FloatArray
    weight: FloatArray

    @property
    def size(self) -> int:
        """How many models there are: strengths come first, then gammas."""
        return int(self.design.shape[1])

    def log_odds(self, at: FloatArray) -> FloatArray:
        """Return each battle's log-odds that the first model wins."""
        size = self.size
        log_odds: FloatArray = (self.seats @ at[size:]) * (self.design @ at[:size])
        return log_odds

    def slopes(self, at: FloatArray) -> csr_array:
        """Return how each battle's log-odds change with each strength and gamma."""
        gamma, gap = self.seats @ at[self.size :], self.design @ at[: self.size]
        return csr_array(hstack([diags_array(gamma) @ self.design, diags_array(gap) @ self.seats]))

    def log_likelihood(self, at: FloatArray) -> float:
        """Return the log-likelihood, ties as half."""
        log_odds = self.log_odds(at)
        return float(self.weight @ (self.points * log_odds - np.logaddexp(0.0, log_odds)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelFit:
    """Strengths and gammas with the inverse of their information and their covariance."""

    at: FloatArray
    inverse: FloatArray
    covariance: FloatArray
    log_likelihood: float
    iterations: int


def fit_panel_likelihood(
    comparisons: Comparisons, seats: IntArray, judges: int, *, max_iterations: int
) -> PanelFit:
    """Return the maximum-likelihood fit; `seats` has each battle's judge.

    Raises:
        SeparationError: a strength or gamma has no finite value.
        ConvergenceError: it did not converge.
    """
    number = len(seats)
    places = (np.arange(number), seats)
    panel = PanelLikelihood(
        design=build_difference_matrix(comparisons),
        seats=csr_array((np.ones(number), places), shape=(number, judges)),
        points=comparisons.points,
        weight=comparisons.weight,
    )
    found, iterations = _maximise(
        panel, _initial_coefficients(comparisons, seats, judges), max_iterations
    )
    at = _choose_sign(panel.size, found, seats)
    inverse, covariance = _estimate_covariances(panel, at, comparisons.cluster)
    return PanelFit(
        at=at,
        inverse=inverse,
        covariance=covariance,
        log_likelihood=panel.log_likelihood(at),
        iterations=iterations,
    )


def _initial_coefficients(comparisons: Comparisons, seats: IntArray, judges: int) -> FloatArray:
    """Return the rank-one product nearest to each judge's own ratings: far from any saddle."""
    size = len(comparisons.models)
    own = np.zeros((judges, size))
    for judge in range(judges):
        battles = comparisons.among(seats == judge)
        own[judge] = fit_logistic(
            PairDesignMatrix.of(battles.first, battles.second, size),
            battles.weight * battles.points,
            battles.weight,
            prior=build_strength_prior(size, size, _START_PENALTY),
        ).coefficients
    left, values, right = np.linalg.svd(own, full_matrices=False)
    if not values[0] > _ROUNDING:
        msg = "no judge prefers any model to another, so what their votes are worth is unknown"
        raise SeparationError(msg)
    return _normalize_gammas(size, np.concatenate([values[0] * right[0], left[:, 0]]))


def _maximise(
    panel: PanelLikelihood, start: FloatArray, max_iterations: int
) -> tuple[FloatArray, int]:
    """Return the maximum, by Fisher scoring, and how many steps it took."""
    at = start
    for iteration in range(1, max_iterations + 1):
        chance = expit(panel.log_odds(at))
        slopes = panel.slopes(at)
        information = _cross_product(slopes, panel.weight * chance * (1 - chance))
        slope = slopes.T @ (panel.weight * (panel.points - chance))
        step = _invert_information(information, _null_directions(panel.size, at)) @ slope
        at = _normalize_gammas(panel.size, _ascend(panel, at, step))
        if np.max(np.abs(panel.log_odds(at))) > _LARGEST_LOG_ODDS:
            raise SeparationError(_NOT_FINITE)
        if np.max(np.abs(step)) < _SMALLEST_STEP:
            return at, iteration
    msg = f"the judge-aware ratings did not converge in {max_iterations} scoring steps"
    raise ConvergenceError(msg)


def _ascend(panel: PanelLikelihood, at: FloatArray, step: FloatArray) -> FloatArray:
    """Take a step, halved until it does not lower the likelihood."""
    value = panel.log_likelihood(at)
    lowest = value - _ROUNDING * (1 + abs(value))
    share = 1.0
    while share > _ROUNDING:
        if panel.log_likelihood(at + share * step) >= lowest:
            return at + share * step
        share /= 2
    msg = "the judge-aware ratings did not converge: no step raises the likelihood"
    raise ConvergenceError(msg)


def _normalize_gammas(size: int, at: FloatArray) -> FloatArray:
    """Return the same log-odds with gammas of mean square one."""
    scale = float(np.sqrt(np.mean(at[size:] ** 2)))
    return np.concatenate([at[:size] * scale, at[size:] / scale])


def _choose_sign(size: int, at: FloatArray, seats: IntArray) -> FloatArray:
    """Return the sign under which more battles have judges who prefer the better."""
    gamma = at[size:]
    majority = np.sign(gamma) @ np.bincount(seats, minlength=len(gamma))
    positive: FloatArray = -at if majority < 0 else at
    return positive


def _null_directions(size: int, at: FloatArray) -> FloatArray:
    """Return the directions without effect: a common level, and strengths against gammas."""
    scale = np.concatenate([at[:size], -at[size:]])
    return np.column_stack([common_level_direction(size, len(at)), scale / np.linalg.norm(scale)])


def _estimate_covariances(
    panel: PanelLikelihood, at: FloatArray, cluster: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return the inverse of the observed information, and the clustered covariance."""
    size = panel.size
    chance = expit(panel.log_odds(at))
    residual = panel.weight * (panel.points - chance)
    slopes = panel.slopes(at)
    information = _cross_product(slopes, panel.weight * chance * (1 - chance))
    crossed = np.asarray((panel.design.T @ diags_array(residual) @ panel.seats).toarray())
    information[:size, size:] -= crossed
    information[size:, :size] -= crossed.T
    inverse = _invert_information(information, _null_directions(size, at))
    if np.linalg.eigvalsh(inverse)[0] < -_SMALLEST_STEP * np.max(np.abs(inverse)):
        msg = "the judge-aware ratings stopped beside a maximum: too few battles for all judges"
        raise ConvergenceError(msg)
    scores = csr_array(diags_array(residual) @ slopes)
    return inverse, clustered_sandwich_covariance(scores, cluster, information, inverse)


def _cross_product(slopes: csr_array, weight: FloatArray) -> FloatArray:
    product = slopes.T @ diags_array(weight) @ slopes
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
