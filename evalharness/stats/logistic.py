"""Logistic regression whose first coefficients are strengths: differences without a common level.

Newton on the likelihood sum(won * z - weight * log(1 + e^z)), z the linear predictor. Points won
and weights are apart because a corrected loss (see `prediction_powered`) has points without
weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.special import expit

from evalharness.errors import ConvergenceError, SeparationError
from evalharness.stats.sandwich import inverse_beside, level_direction

if TYPE_CHECKING:
    from evalharness.stats.comparisons import FloatArray

_SMALLEST_STEP = 1e-9
_ROUNDING = 1e-12
_LARGEST_COEFFICIENT = 25.0
"""A coefficient beyond this (log-odds of 7e10) runs to infinity: the data do not bound it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogisticFit:
    """Coefficients with what their covariance is made of; `log_likelihood` is without the prior."""

    coefficients: FloatArray
    probability: FloatArray
    information: FloatArray
    inverse: FloatArray
    log_likelihood: float
    iterations: int


def strength_penalty(size: int, total: int, penalty: float) -> FloatArray:
    """Return the information of a normal prior on the first `size` coefficients' differences."""
    prior = np.zeros((total, total))
    prior[:size, :size] = penalty * (np.eye(size) - 1 / size)
    return prior


def fit_logistic(
    design: csr_array,
    won: FloatArray,
    weight: FloatArray,
    *,
    size: int,
    prior: FloatArray | None = None,
    max_iterations: int = 100,
) -> LogisticFit:
    """Return the maximum-likelihood fit; the first `size` coefficients sum to zero.

    Args:
        design: one row a battle, one column a coefficient.
        won: the points won in each battle, times its weight.
        weight: how much each battle counts.
        size: how many of the coefficients are strengths.
        prior: the information of a normal prior around zero.
        max_iterations: Newton steps before giving up.

    Raises:
        SeparationError: a coefficient has no finite value.
        ConvergenceError: it did not converge.
    """
    total = design.shape[1]
    bounds = np.zeros((total, total)) if prior is None else prior
    null = level_direction(size, total)
    at = np.zeros(total)
    for iteration in range(1, max_iterations + 1):
        probability = expit(design @ at)
        information = _information(design, weight * probability * (1 - probability)) + bounds
        slope = design.T @ (won - weight * probability) - bounds @ at
        inverse = _inverse(information, null)
        step = inverse @ slope
        if np.max(np.abs(step)) < _SMALLEST_STEP:
            return LogisticFit(
                coefficients=at,
                probability=probability,
                information=information,
                inverse=inverse,
                log_likelihood=_log_likelihood(design @ at, won, weight),
                iterations=iteration,
            )
        at = _ascend(design, won, weight, bounds, at, step)
        if np.max(np.abs(at)) > _LARGEST_COEFFICIENT:
            raise SeparationError(_NOT_FINITE)
    msg = f"the logistic fit did not converge in {max_iterations} Newton steps"
    raise ConvergenceError(msg)


def _information(design: csr_array, weight: FloatArray) -> FloatArray:
    return np.asarray((design.T @ diags_array(weight) @ design).toarray(), dtype=np.float64)


def _inverse(information: FloatArray, null: FloatArray) -> FloatArray:
    try:
        return inverse_beside(information, null)
    except np.linalg.LinAlgError as error:
        raise SeparationError(_NOT_FINITE) from error


def _ascend(
    design: csr_array,
    won: FloatArray,
    weight: FloatArray,
    prior: FloatArray,
    at: FloatArray,
    step: FloatArray,
) -> FloatArray:
    """Take a Newton step, halved until it does not lower the penalised likelihood."""

    def value(place: FloatArray) -> float:
        return _log_likelihood(design @ place, won, weight) - float(place @ prior @ place) / 2

    start = value(at)
    lowest = start - _ROUNDING * (1 + abs(start))
    share = 1.0
    while share > _ROUNDING:
        if value(at + share * step) >= lowest:
            return at + share * step
        share /= 2
    msg = "the logistic fit did not converge: no step raises the likelihood"
    raise ConvergenceError(msg)


def _log_likelihood(linear: FloatArray, won: FloatArray, weight: FloatArray) -> float:
    return float(won @ linear - weight @ np.logaddexp(0.0, linear))


_NOT_FINITE = (
    "a coefficient has no finite maximum-likelihood value: the battles are too few, or a covariate "
    "alone says who won. Judge more battles, leave the covariate out, or give a penalty"
)
