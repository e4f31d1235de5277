"""Fit Bradley-Terry ratings adjusted for covariates of battles: position, length, style.

logit P(first wins) = theta_first - theta_second + x beta: the strengths exclude the effect of x.
Ties count as half a win, so intervals come from the sandwich clustered by question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError, ConvergenceError, SeparationError
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING, FittedRatings
from evalharness.stats.estimation.logistic_regression import build_strength_prior, fit_logistic
from evalharness.stats.estimation.pair_matrices import PairDesignMatrix
from evalharness.stats.estimation.sandwich import cross_products_by_cluster, sandwich_covariance
from evalharness.stats.intervals.estimates import critical_value
from evalharness.stats.rating_models.bradley_terry import bradley_terry

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.estimation.logistic_regression import LogisticFit

_MIN_RELATIVE_EIGENVALUE = 1e-10
"""An eigenvalue below this share of the largest indicates collinear covariates."""


def bradley_terry_with_covariates(
    comparisons: Comparisons,
    covariates: Mapping[str, npt.ArrayLike],
    *,
    level: float = 0.95,
    penalty: float = 0.0,
    covariate_penalty: float = 0.0,
    max_iterations: int = 100,
) -> FittedRatings:
    """Return ratings at equal covariates; `parameters` are the coefficients of the covariates.

    Args:
        comparisons: the battles.
        covariates: one number per battle, from the side of the first model, by covariate name.
        level: the intervals' level.
        penalty: penalty/2 times the squared strengths is subtracted from the log-likelihood.
        covariate_penalty: the penalty on the squared coefficients of the covariates.
        max_iterations: the maximum number of Newton steps.

    Raises:
        BattlesError: a covariate does not match the battles, or is collinear with others.
        DisconnectedError: the battles do not connect the models.
        SeparationError: a rating or coefficient has no finite value.
        ConvergenceError: the fit did not converge.
    """
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    plain = bradley_terry(comparisons, penalty=penalty)
    size = len(comparisons.models)
    design, order = _sort_by_pair(comparisons, covariates)
    prior = build_strength_prior(size, design.coefficients, penalty)
    prior[range(size, len(prior)), range(size, len(prior))] = covariate_penalty
    weight = comparisons.weight[order]
    points = comparisons.points[order]
    try:
        fitted = fit_logistic(
            design,
            weight * points,
            weight,
            prior=prior,
            # the ratings without covariates are fast to fit and close to the result
            start=np.append(plain.strengths, np.zeros(len(covariates))),
            max_iterations=max_iterations,
        )
    except (SeparationError, ConvergenceError):
        _require_independent_covariates(design.gram(weight), covariates)
        raise
    _require_independent_covariates(fitted.information, covariates)
    is_by_battle = comparisons.clustered_by == "battle"
    covariance = _estimate_covariance(
        design,
        weight * (points - fitted.probability),
        None if is_by_battle else comparisons.cluster[order],
        fitted,
        prior if penalty or covariate_penalty else None,
    )
    return FittedRatings(
        method="Bradley-Terry with covariates",
        models=comparisons.models,
        strengths=fitted.coefficients[:size],
        parameters=dict(zip(covariates, fitted.coefficients[size:].tolist(), strict=True)),
        covariance=covariance,
        inverse_information=fitted.inverse,
        log_likelihood=fitted.log_likelihood,
        battles=comparisons.battles,
        level=level,
        clusters=comparisons.clusters,
        clustered_by=comparisons.clustered_by,
        iterations=fitted.iterations,
        penalty=penalty,
        anchor=None,
        anchor_rating=MEAN_RATING,
    )


def _estimate_covariance(
    design: PairDesignMatrix,
    residual: FloatArray,
    cluster: IntArray | None,
    fitted: LogisticFit,
    prior: FloatArray | None,
) -> FloatArray:
    """Return the sandwich covariance of the coefficients; each battle is a cluster by default."""
    if cluster is None:
        products, clusters = design.gram(residual**2), len(residual)
    else:
        products = cross_products_by_cluster(design.rows(residual), cluster)
        clusters = len(np.unique(cluster))
    return sandwich_covariance(products, clusters, fitted.information, fitted.inverse, prior)


def _sort_by_pair(
    comparisons: Comparisons, covariates: Mapping[str, npt.ArrayLike]
) -> tuple[PairDesignMatrix, IntArray]:
    """Return the design of the battles sorted by pair, and the order of the battles."""
    number, size = len(comparisons.first), len(comparisons.models)
    pair = (comparisons.first * size + comparisons.second).astype(np.min_scalar_type(size**2))
    order = np.argsort(pair, kind="stable")
    columns = np.empty((len(covariates), number))
    for row, (name, values) in zip(columns, covariates.items(), strict=True):
        np.take(_checked_column(name, values, number), order, out=row, mode="clip")
    ordered = pair[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    first, second = np.divmod(ordered[starts].astype(np.int64), size)
    lengths = np.diff(starts, append=number)
    return PairDesignMatrix(
        first=first,
        second=second,
        starts=starts,
        lengths=lengths,
        size=size,
        covariates=columns,
    ), order


def _require_independent_covariates(
    information: FloatArray, covariates: Mapping[str, object]
) -> None:
    """Check that covariates are not collinear with each other or with the pairs of models."""
    eigenvalues = np.linalg.eigvalsh(_normalize_gram(information))
    undetermined = int(np.sum(eigenvalues < _MIN_RELATIVE_EIGENVALUE * eigenvalues[-1]))
    if undetermined > 1 or not covariates:
        msg = (
            f"the covariates {', '.join(covariates) or '(none)'} must vary apart from each other "
            "and from which models meet: leave out what repeats the rest"
        )
        raise BattlesError(msg)


def _checked_column(name: str, values: npt.ArrayLike, number: int) -> FloatArray:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (number,) or not np.all(np.isfinite(column)):
        msg = f"the covariate {name} needs {number} finite numbers, one a battle"
        raise BattlesError(msg)
    return column


def _normalize_gram(gram: FloatArray) -> FloatArray:
    """Return the cross products of columns scaled to length one, so that units do not matter."""
    lengths = np.sqrt(np.diag(gram))
    lengths[lengths == 0] = 1.0
    scaled: FloatArray = gram / np.outer(lengths, lengths)
    return scaled
