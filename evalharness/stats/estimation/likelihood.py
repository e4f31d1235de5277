"""Fit paired comparisons by maximum likelihood: Newton's method and a clustered sandwich.

A model of outcomes gives the probabilities of a win, a tie and a loss at a difference of strengths
(and its own parameters). `fit_ratings` finds the strengths; the rating models use it.

The covariance is V = B^-1 M B^-1 with B the information and M = G/(G-1) sum_q S_q S_q', where S_q
is the score of all battles of question q. It is valid if judgments of one question are dependent,
and if ties make the likelihood a quasi-likelihood. Intervals use Student's t with G-1 degrees of
freedom, and `contrast_bounds` widens them where the questions are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from evalharness.errors import SeparationError
from evalharness.stats.battles.connectivity import require_determined_ratings
from evalharness.stats.battles.count_arrays import ensure_counts
from evalharness.stats.battles.counts import merge_pair_orders, normalize_weights
from evalharness.stats.blas_threads import limit_blas_threads
from evalharness.stats.estimation.contrast_bounds import ContrastBounds
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING, FittedRatings
from evalharness.stats.estimation.newton import maximize_by_newton
from evalharness.stats.estimation.pair_matrices import (
    build_difference_matrix,
    build_laplacian,
    sum_by_model,
)
from evalharness.stats.estimation.sandwich import (
    common_level_direction,
    floor_at_information,
    generalized_inverse,
    require_resolved_weights,
)
from evalharness.stats.intervals.estimates import critical_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.estimation.outcome_model import OutcomeModel, OutcomeTerms

_SMALLEST_STEP = 1e-9
"""Newton's method doubles the correct digits: after a step this small it has converged."""

ZERO_VARIANCE_SHARE = 1e-9
"""A variance of scores below this share of the information is only rounding."""
_LARGEST_PARAMETER = 15.0
"""A tie or position parameter beyond this limit (log scale) diverges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _LikelihoodPoint:
    """The penalized likelihood at one point, with its derivatives."""

    coefficients: FloatArray
    value: float
    gradient: FloatArray
    information: FloatArray
    terms: OutcomeTerms


def fit_ratings(
    battles: Comparisons | BattleCounts,
    model: OutcomeModel,
    *,
    level: float = 0.95,
    penalty: float = 0.0,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    max_iterations: int = 100,
) -> FittedRatings:
    """Return maximum-likelihood ratings under a model of outcomes.

    Args:
        battles: the battles, as arrays or counts.
        model: the model of outcomes.
        level: the intervals' level.
        penalty: penalty/2 times the squared strengths is subtracted from the log-likelihood, as
            with a normal prior of standard deviation 1/sqrt(penalty). It keeps ratings finite if
            a model won every battle.
        anchor: the model with the rating `anchor_rating`; by default, the mean has this value.
        anchor_rating: the rating of the anchor or the mean.
        max_iterations: the maximum number of Newton steps.

    Raises:
        DisconnectedError: the battles do not connect the models.
        SeparationError: a rating has no finite value, and the penalty is 0.
        ConvergenceError: the fit did not converge.
        ValueError: an argument is out of its range.
    """
    counts = normalize_weights(ensure_counts(battles))
    if not model.has_position:
        counts = merge_pair_orders(counts)
    _check_arguments(counts.models, penalty=penalty, anchor=anchor, anchor_rating=anchor_rating)
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    require_determined_ratings(counts, finite=penalty == 0)
    size = len(counts.models)
    with limit_blas_threads(size):
        best, iterations = maximize_likelihood(counts, model, penalty, max_iterations)
        require_resolved_weights(counts, best.information)
        inverse = _invert_information(best.information, size)
        products = _score_cross_products(counts, best.terms.score)
        covariance = inverse @ _score_variance(counts, best, products, penalty) @ inverse
    return FittedRatings(
        method=model.name,
        models=counts.models,
        strengths=best.coefficients[:size],
        parameters=dict(zip(model.parameters, best.coefficients[size:].tolist(), strict=True)),
        covariance=covariance,
        inverse_information=inverse,
        log_likelihood=best.value,
        battles=counts.battles,
        level=level,
        clusters=counts.clusters,
        clustered_by=counts.clustered_by,
        iterations=iterations,
        penalty=penalty,
        anchor=anchor,
        anchor_rating=anchor_rating,
        bounds=ContrastBounds(
            counts=counts,
            model=model,
            coefficients=best.coefficients,
            inverse=inverse,
            score_products=products,
            has_prior=penalty > 0,
        ),
    )


def _check_arguments(
    models: Sequence[str], *, penalty: float, anchor: str | None, anchor_rating: float
) -> None:
    if not np.isfinite(anchor_rating):
        msg = f"anchor_rating is a finite number, not {anchor_rating}"
        raise ValueError(msg)
    if not 0 <= penalty < np.inf:
        msg = f"a penalty is a number from 0 up, not {penalty}"
        raise ValueError(msg)
    if anchor is not None and anchor not in models:
        msg = f"the anchor {anchor!r} is none of the models: {', '.join(models)}"
        raise ValueError(msg)


def maximize_likelihood(
    counts: BattleCounts,
    model: OutcomeModel,
    penalty: float,
    max_iterations: int,
    start: FloatArray | None = None,
) -> tuple[_LikelihoodPoint, int]:
    """Return the maximum of the penalized likelihood, and the number of Newton steps.

    Args:
        counts: the battles.
        model: the model of outcomes.
        penalty: the penalty on the squared strengths.
        max_iterations: the maximum number of Newton steps.
        start: the strengths and parameters to start from; by default, zeros and the start values
            of the model.

    Raises:
        SeparationError: a parameter of the model of outcomes has no finite value.
        ConvergenceError: the fit did not converge.
    """
    size = len(counts.models)
    if start is None:
        start = np.concatenate([np.zeros(size), model.start])

    def check(point: _LikelihoodPoint) -> _LikelihoodPoint:
        _require_bounded_parameters(point.coefficients[size:], model)
        return point

    return maximize_by_newton(
        partial(_evaluate, counts, model, penalty),
        lambda point: _invert_information(point.information, size) @ point.gradient,
        check,
        start,
        smallest_step=_SMALLEST_STEP,
        max_iterations=max_iterations,
        name=f"{model.name} ratings",
    )


def _require_bounded_parameters(parameters: FloatArray, model: OutcomeModel) -> None:
    for name, value in zip(model.parameters, parameters, strict=True):
        if abs(value) > _LARGEST_PARAMETER:
            msg = (
                f"the parameter {name} of {model.name} has no finite maximum-likelihood value "
                "in these battles: use bradley_terry, leave out a position effect, or give a "
                "penalty such as penalty=0.25"
            )
            raise SeparationError(msg)


def _evaluate(
    counts: BattleCounts, model: OutcomeModel, penalty: float, coefficients: FloatArray
) -> _LikelihoodPoint:
    size = len(counts.models)
    strengths = coefficients[:size]
    terms = model.terms(strengths[counts.first] - strengths[counts.second], coefficients[size:])
    centered = np.append(strengths - strengths.mean(), np.zeros(len(coefficients) - size))
    weight = counts.weight
    value = float(np.sum(weight * terms.log_probability, where=weight > 0))
    score = np.einsum("po,poc->pc", weight, terms.score)
    return _LikelihoodPoint(
        coefficients=coefficients,
        value=value - penalty / 2 * float(centered @ centered) if np.isfinite(value) else -np.inf,
        gradient=np.append(
            sum_by_model(counts.first, counts.second, score[:, 0], size), score[:, 1:].sum(axis=0)
        )
        - penalty * centered,
        information=_assemble_information(
            counts, np.einsum("po,pocd->pcd", weight, terms.information)
        )
        + penalty * _centering_projection(len(coefficients), size),
        terms=terms,
    )


def _assemble_information(counts: BattleCounts, curvature: FloatArray) -> FloatArray:
    """Return the information of strengths and parameters from the curvature of each pair."""
    first, second, size = counts.first, counts.second, len(counts.models)
    strengths = build_laplacian(first, second, curvature[:, 0, 0], size)
    mixed = np.array(
        [sum_by_model(first, second, column, size) for column in curvature[:, 0, 1:].T]
    ).reshape(-1, size)
    return np.block([[strengths, mixed.T], [mixed, curvature[:, 1:, 1:].sum(axis=0)]])


def _centering_projection(total: int, size: int) -> FloatArray:
    """Return the projection of strengths onto sum zero; it removes the parameters."""
    projection = np.zeros((total, total))
    projection[:size, :size] = np.eye(size) - 1 / size
    return projection


def _invert_information(information: FloatArray, size: int) -> FloatArray:
    """Return the inverse on strengths with sum zero, because their level is undetermined."""
    return generalized_inverse(information, common_level_direction(size, len(information)))


def _score_variance(
    counts: BattleCounts, best: _LikelihoodPoint, products: FloatArray, penalty: float
) -> FloatArray:
    """Return the clustered variance of the score, with G/(G-1); NaN for a single cluster.

    Residuals underestimate the variance if a model won every battle (the case for a penalty), if
    there are fewer clusters than models, or if they vanish in some direction (all battles between
    two models are ties). In these cases the variance is at least the information.
    """
    number, size = counts.clusters, len(counts.models)
    if number == 1:
        return np.full_like(best.information, np.nan)
    variance = number / (number - 1) * products
    if penalty == 0 and number >= size and _is_determined(variance, best, size):
        return variance
    return floor_at_information(
        variance, best.information, penalty * _centering_projection(len(best.coefficients), size)
    )


def _is_determined(variance: FloatArray, best: _LikelihoodPoint, size: int) -> bool:
    """Return whether the scores vary in every direction except the common level of strengths.

    The variance is compared with the information in each direction, because battles of small
    weight give little of both.
    """
    level = common_level_direction(size, len(variance))
    fixed = float(np.abs(best.information).max()) * (level @ level.T)
    try:
        np.linalg.cholesky(variance + fixed - ZERO_VARIANCE_SHARE * (best.information + fixed))
    except np.linalg.LinAlgError:
        return False
    return True


def _score_cross_products(counts: BattleCounts, score: FloatArray) -> FloatArray:
    """Return the sum over clusters of the cross products of the scores."""
    if counts.by_question is None:
        return _assemble_information(
            counts, np.einsum("po,poc,pod->pcd", counts.square, score, score)
        )
    cells = score.reshape(-1, score.shape[2])
    pair = np.repeat(np.arange(len(score)), score.shape[1])
    strengths = diags_array(cells[:, 0]) @ build_difference_matrix(counts)[pair]
    scores = counts.by_question @ csr_array(hstack([strengths, csr_array(cells[:, 1:])]))
    return np.asarray((scores.T @ scores).toarray(), dtype=np.float64)
