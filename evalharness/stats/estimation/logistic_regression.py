"""Fit a logistic regression on differences of strengths and on covariates.

The likelihood is sum(won * z - weight * log(1 + e^z)) with z the linear predictor. Points and
weights are separate arguments because a corrected loss (see `prediction_powered_ratings`) has
points without weight. Only differences of strengths are determined; the strengths sum to zero.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from evalharness.errors import SeparationError
from evalharness.stats.blas_threads import limit_blas_threads
from evalharness.stats.estimation.newton import maximize_by_newton
from evalharness.stats.estimation.pair_matrices import ROWS_PER_BLOCK, PairDesignMatrix
from evalharness.stats.estimation.sandwich import common_level_direction, generalized_inverse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from evalharness.stats.arrays import FloatArray

_SMALLEST_STEP = 1e-6
"""Newton's method doubles the correct digits: after a step this small the error is below 1e-11."""

_TINY = np.finfo(np.float64).tiny
_LARGEST_COEFFICIENT = 25.0
"""A coefficient beyond this limit (odds of 7e10) diverges."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogisticFit:
    """Coefficients with the matrices of their covariance; `log_likelihood` excludes the prior."""

    coefficients: FloatArray
    probability: FloatArray
    information: FloatArray
    inverse: FloatArray
    log_likelihood: float
    iterations: int


def build_strength_prior(size: int, total: int, penalty: float) -> FloatArray:
    """Return the information of a normal prior on differences of the first `size` coefficients."""
    prior = np.zeros((total, total))
    prior[:size, :size] = penalty * (np.eye(size) - 1 / size)
    return prior


def fit_logistic(
    design: PairDesignMatrix,
    won: FloatArray,
    weight: FloatArray,
    *,
    prior: FloatArray | None = None,
    start: FloatArray | None = None,
    max_iterations: int = 100,
) -> LogisticFit:
    """Return the maximum-likelihood fit; its strengths sum to zero.

    Args:
        design: one row for each battle.
        won: the first model's points in each battle, times its weight.
        weight: the weight of each battle.
        prior: the information of a normal prior around zero.
        start: the coefficients to start from; zeros by default.
        max_iterations: the maximum number of Newton steps.

    Raises:
        SeparationError: a coefficient has no finite value.
        ConvergenceError: the fit did not converge.
    """
    total = design.coefficients
    prior_information = np.zeros((total, total)) if prior is None else prior
    null = common_level_direction(design.size, total)
    blocks = [
        _DesignBlock(design=design.part(rows), won=won[rows], weight=weight[rows])
        for rows in (
            slice(start_row, start_row + ROWS_PER_BLOCK)
            for start_row in range(0, len(won), ROWS_PER_BLOCK)
        )
    ]
    with limit_blas_threads(total), ThreadPoolExecutor() as threads:
        problem = _PenalizedLikelihood(blocks=blocks, prior=prior_information, threads=threads)
        best, iterations = maximize_by_newton(
            problem.evaluate,
            lambda point: _invert_information(point.information, null) @ point.gradient,
            _require_bounded_coefficients,
            np.zeros(total) if start is None else start,
            smallest_step=_SMALLEST_STEP,
            max_iterations=max_iterations,
            name="the logistic fit",
        )
    return LogisticFit(
        coefficients=best.coefficients,
        probability=expit(design.predict(best.coefficients)),
        information=best.information,
        inverse=_invert_information(best.information, null),
        log_likelihood=best.log_likelihood,
        iterations=iterations,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _RegressionPoint:
    """The likelihood at given coefficients; `log_likelihood` alone excludes the prior."""

    coefficients: FloatArray
    log_likelihood: float
    value: float
    gradient: FloatArray
    information: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _DesignBlock:
    """A block of battles with arrays that fit in a processor's cache."""

    design: PairDesignMatrix
    won: FloatArray
    weight: FloatArray

    def likelihood(self, coefficients: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return the log-likelihood, its gradient, and its negative second derivative."""
        linear = self.design.predict(coefficients)
        miss = expit(-linear)
        # log(1 + e^z) is -log(miss), and z where that underflows
        softplus = np.maximum(-np.log(np.maximum(miss, _TINY)), linear)
        expected = self.weight * (1 - miss)
        return (
            float(self.won @ linear - self.weight @ softplus),
            self.design.transposed_product(self.won - expected),
            self.design.gram(expected * miss),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PenalizedLikelihood:
    """A penalized likelihood, summed over blocks in several threads."""

    blocks: Sequence[_DesignBlock]
    prior: FloatArray
    threads: Executor

    def evaluate(self, coefficients: FloatArray) -> _RegressionPoint:
        apply = self.threads.map if len(self.blocks) > 1 else map
        values, gradients, informations = zip(
            *apply(lambda block: block.likelihood(coefficients), self.blocks), strict=True
        )
        prior_gradient = self.prior @ coefficients
        log_likelihood = float(np.sum(values))
        return _RegressionPoint(
            coefficients=coefficients,
            log_likelihood=log_likelihood,
            value=log_likelihood - float(coefficients @ prior_gradient) / 2,
            gradient=np.sum(gradients, axis=0) - prior_gradient,
            information=np.sum(informations, axis=0) + self.prior,
        )


def _invert_information(information: FloatArray, null: FloatArray) -> FloatArray:
    try:
        return generalized_inverse(information, null)
    except np.linalg.LinAlgError as error:
        raise SeparationError(_NOT_FINITE) from error


def _require_bounded_coefficients(point: _RegressionPoint) -> _RegressionPoint:
    if np.max(np.abs(point.coefficients)) > _LARGEST_COEFFICIENT:
        raise SeparationError(_NOT_FINITE)
    return point


_NOT_FINITE = (
    "a coefficient has no finite maximum-likelihood value: the battles are too few, or a covariate "
    "alone says who won. Judge more battles, leave the covariate out, or give a penalty"
)
