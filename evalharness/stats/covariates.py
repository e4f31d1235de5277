"""Bradley-Terry ratings beside covariates of the battle: position, length, style.

logit P(first wins) = theta_first - theta_second + x beta: what x explains is no strength. Ties
count as half, so intervals come from the sandwich clustered by question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from evalharness.errors import BattlesError
from evalharness.stats.connectivity import require_determined
from evalharness.stats.logistic import fit_logistic, strength_penalty
from evalharness.stats.paired import differences
from evalharness.stats.ratings import MEAN_RATING, Ratings, critical_value
from evalharness.stats.sandwich import clustered_sandwich

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from evalharness.stats.comparisons import Comparisons, FloatArray

_INDEPENDENT = 1e-10
"""Relative to the largest: an eigenvalue below says that covariates repeat each other."""


def bradley_terry_with_covariates(
    comparisons: Comparisons,
    covariates: Mapping[str, npt.ArrayLike],
    *,
    level: float = 0.95,
    penalty: float = 0.0,
    covariate_penalty: float = 0.0,
    max_iterations: int = 100,
) -> Ratings:
    """Return ratings at equal covariates; `parameters` hold each covariate's coefficient.

    Args:
        comparisons: the battles.
        covariates: by name, one number a battle, as seen from the first model.
        level: the intervals' level.
        penalty: subtracts penalty/2 times the squared strengths.
        covariate_penalty: the same for the coefficients of the covariates.
        max_iterations: Newton steps before giving up.

    Raises:
        BattlesError: a covariate does not fit the battles, or repeats others.
        DisconnectedError: the battles do not connect the models.
        SeparationError: a rating or coefficient has no finite value.
        ConvergenceError: the fit did not converge.
    """
    critical_value(level, 2)  # refuses a level outside 0..1 before any work
    require_determined(comparisons, finite=penalty == 0)
    size = len(comparisons.models)
    design = _design(comparisons, covariates)
    prior = strength_penalty(size, design.shape[1], penalty)
    prior[range(size, len(prior)), range(size, len(prior))] = covariate_penalty
    weight = comparisons.weight
    fitted = fit_logistic(
        design,
        weight * comparisons.points,
        weight,
        size=size,
        prior=prior,
        max_iterations=max_iterations,
    )
    scores = csr_array(diags_array(weight * (comparisons.points - fitted.probability)) @ design)
    at = fitted.coefficients
    return Ratings(
        method="Bradley-Terry with covariates",
        models=comparisons.models,
        strengths=at[:size],
        parameters=dict(zip(covariates, at[size:].tolist(), strict=True)),
        covariance=clustered_sandwich(
            scores,
            comparisons.cluster,
            fitted.information,
            fitted.inverse,
            prior if penalty or covariate_penalty else None,
        ),
        inverse_information=fitted.inverse,
        log_likelihood=fitted.log_likelihood,
        battles=comparisons.battles,
        level=level,
        clusters=len(np.unique(comparisons.cluster)),
        clustered_by=comparisons.clustered_by,
        iterations=fitted.iterations,
        penalty=penalty,
        anchor=None,
        anchor_rating=MEAN_RATING,
    )


def _design(comparisons: Comparisons, covariates: Mapping[str, npt.ArrayLike]) -> csr_array:
    """Return the columns of the models, then those of the covariates."""
    number, size = len(comparisons.first), len(comparisons.models)
    columns = [_column(name, covariates[name], number) for name in covariates]
    design = csr_array(hstack([differences(comparisons), *map(csr_array, columns)]))
    gram = np.asarray((design.T @ design).toarray(), dtype=np.float64)
    eigenvalues = np.linalg.eigvalsh(_scaled(gram))
    undetermined = int(np.sum(eigenvalues < _INDEPENDENT * eigenvalues[-1]))
    if undetermined > 1 or design.shape[1] == size:
        msg = (
            f"the covariates {', '.join(covariates) or '(none)'} must vary apart from each other "
            "and from which models meet: leave out what repeats the rest"
        )
        raise BattlesError(msg)
    return design


def _column(name: str, values: npt.ArrayLike, number: int) -> FloatArray:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (number,) or not np.all(np.isfinite(column)):
        msg = f"the covariate {name} needs {number} finite numbers, one a battle"
        raise BattlesError(msg)
    return column[:, None]


def _scaled(gram: FloatArray) -> FloatArray:
    """Return the matrix for columns of length one, so that units do not matter."""
    lengths = np.sqrt(np.diag(gram))
    lengths[lengths == 0] = 1.0
    scaled: FloatArray = gram / np.outer(lengths, lengths)
    return scaled
