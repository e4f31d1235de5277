"""Compute clustered sandwich covariances.

V = B^-1 M B^-1 with B the information and M = G/(G-1) sum_q S_q S_q', where S_q is the score of all
rows of question q. It is valid if rows of one question depend on each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, issparse

from evalharness.errors import BattlesError

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.battles.counts import BattleCounts

_SMALLEST_WEIGHT_SHARE = 1e-5
"""Weights in this range cannot make a rating rest on rounding, so that nothing is computed."""

_SMALLEST_INFORMATION_SHARE = 1e-7
"""Below this share, the variance of the scores in a direction is lost in rounding."""


def generalized_inverse(information: FloatArray, null: FloatArray) -> FloatArray:
    """Return the inverse on the space orthogonal to the directions that the data do not determine.

    Args:
        information: the information, which is zero along these directions.
        null: the directions as orthonormal columns.
    """
    scale = np.trace(information) / len(information)
    undetermined = null @ null.T
    inverse: FloatArray = np.linalg.inv(information + scale * undetermined) - undetermined / scale
    return inverse


def require_resolved_weights(counts: BattleCounts, information: FloatArray) -> None:
    """Check that the weights of the battles determine all ratings beyond rounding errors.

    Args:
        counts: the battles.
        information: the information of the strengths, followed by the parameters.

    Raises:
        BattlesError: some models are tied to the others only by battles of negligible weight.
    """
    weight = counts.weight[counts.weight > 0]
    if weight.min() > _SMALLEST_WEIGHT_SHARE * weight.max():
        return
    level = common_level_direction(len(counts.models), len(information))
    fixed = float(np.abs(information).max()) * (level @ level.T)
    values = np.linalg.eigvalsh(information + fixed)
    if values[0] < _SMALLEST_INFORMATION_SHARE * values[-1]:
        msg = (
            "the weights of the battles differ so much that some ratings would rest on rounding: "
            f"those of a pair and outcome sum to {weight.min() / weight.max():.1g} of another's. "
            "Leave out the battles of negligible weight, or the models that only they tie to the "
            "others"
        )
        raise BattlesError(msg)


def common_level_direction(size: int, total: int) -> FloatArray:
    """Return the direction in which the first `size` of `total` coefficients move together."""
    level = np.zeros((total, 1))
    level[:size] = 1 / np.sqrt(size)
    return level


def clustered_sandwich_covariance(
    scores: FloatArray | csr_array,
    cluster: IntArray,
    information: FloatArray,
    inverse: FloatArray,
    prior: FloatArray | None = None,
) -> FloatArray:
    """Return the covariance of a fit's coefficients; NaN for a single cluster.

    Scores underestimate their variance if a prior keeps coefficients finite, or if there are fewer
    clusters than coefficients. In these cases the variance of the score is at least the
    information.

    Args:
        scores: the contribution of each row to the gradient of the likelihood.
        cluster: each row's question.
        information: the negative second derivative of the likelihood and the prior.
        inverse: the inverse information, on the space that the data determine.
        prior: the prior's part of the information.
    """
    clusters = len(np.unique(cluster))
    return sandwich_covariance(
        cross_products_by_cluster(scores, cluster), clusters, information, inverse, prior
    )


def cross_products_by_cluster(scores: FloatArray | csr_array, cluster: IntArray) -> FloatArray:
    """Return the sum over clusters of the cross products of their scores, S_q S_q'."""
    sums = sum_by_cluster(scores, cluster)
    return sums.T @ sums


def sandwich_covariance(
    products: FloatArray,
    clusters: int,
    information: FloatArray,
    inverse: FloatArray,
    prior: FloatArray | None = None,
) -> FloatArray:
    """Return the covariance of `clustered_sandwich_covariance` from the cross products.

    Args:
        products: the result of `cross_products_by_cluster`.
        clusters: the number of clusters.
        information: the negative second derivative of the likelihood and the prior.
        inverse: the inverse information.
        prior: the prior's part of the information.
    """
    if clusters == 1:
        return np.full_like(information, np.nan)
    variance = clusters / (clusters - 1) * products
    if prior is not None or clusters < len(information):
        variance = floor_at_information(variance, information, prior)
    covariance: FloatArray = inverse @ variance @ inverse
    return covariance


def floor_at_information(
    variance: FloatArray, information: FloatArray, prior: FloatArray | None = None
) -> FloatArray:
    """Return a variance of the score that is at least the information in every direction.

    Args:
        variance: the variance estimated from the scores.
        information: the negative second derivative of the likelihood and the prior.
        prior: the prior's part of the information.
    """
    likelihood = information if prior is None else information - prior
    return information + _positive_part(variance - likelihood)


def sum_by_cluster(rows: FloatArray | csr_array, cluster: IntArray) -> FloatArray:
    """Return the sum of the rows of each cluster, with the clusters sorted by number."""
    codes, member = np.unique(cluster, return_inverse=True)
    ones = np.ones(len(member))
    places = (member, np.arange(len(member)))
    sums = csr_array((ones, places), shape=(len(codes), len(member))) @ rows
    return np.asarray(sums.toarray() if issparse(sums) else sums, dtype=np.float64)


def _positive_part(symmetric: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(symmetric)
    positive: FloatArray = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return positive
