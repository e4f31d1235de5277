"""Scores from a panel of judges, each with its own severity and noise.

The score that judge m gives answer i is a_i - severity_m + noise of standard deviation sigma_m:
two-way least squares, each judge weighted by 1 / sigma_m^2. Severities sum to zero. The variances
follow from those of the differences between two judges, var(x_m - x_n) = sigma_m^2 + sigma_n^2
(Grubbs 1948, Journal of the American Statistical Association 43), so three judges are needed to
tell them apart; two share theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import DisconnectedError
from evalharness.stats.estimation.sandwich import (
    common_level_direction,
    generalized_inverse,
    sum_by_cluster,
)
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value
from evalharness.stats.intervals.means import ClusteredMean

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

_MIN_VARIANCE_SHARE = 0.1
"""A judge's variance is at least this share of the mean: chance must not give it all the weight."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RaterModelFit:
    """A fit of scores by judges of different severity and noise.

    Attributes:
        severity: a judge's, in points below the panel's.
        noise: a judge's standard deviation, in points.
        score: an answer's, at common severity.
        share: how much each judge (column) counts in each answer's (row) score.
        question: each answer's, as a number from 0.
        influence: how much each question (row) moves the severities' negatives.
        level: the intervals' level.
    """

    severity: tuple[IntervalEstimate, ...]
    noise: FloatArray
    score: FloatArray
    share: FloatArray
    question: IntArray
    influence: FloatArray
    level: float


def fit_rater_model(
    scores: npt.ArrayLike, question: npt.ArrayLike, *, level: float = 0.95
) -> RaterModelFit:
    """Return severities, noise and the answers' scores at common severity.

    Args:
        scores: a row an answer, a column a judge, NaN where it gave none.
        question: each answer's question, as a number; intervals are clustered by it.
        level: the intervals' level.

    Raises:
        DisconnectedError: some judges graded no answer in common, not even through others.
    """
    given = np.asarray(scores, dtype=np.float64)
    _, members = np.unique(np.asarray(question), return_inverse=True)
    there = ~np.isnan(given)
    noise = np.sqrt(_noise_variances(given))
    weight = there / np.where(noise > 0, noise, 1.0) ** 2
    share = weight / weight.sum(axis=1, keepdims=True)
    filled = np.where(there, given, 0.0)
    laplacian = np.diag(weight.sum(axis=0)) - weight.T @ share
    inverse = _invert_laplacian(laplacian)
    centred = np.where(there, given - np.sum(share * filled, axis=1, keepdims=True), 0.0)
    leniency = inverse @ np.sum(weight * centred, axis=0)
    score = np.sum(share * (filled - leniency), axis=1)
    residual = np.where(there, given - score[:, None] - leniency, 0.0)
    influence = sum_by_cluster(weight * residual, members) @ inverse
    return RaterModelFit(
        severity=_estimate_severities(-leniency, influence, level),
        noise=noise,
        score=score,
        share=share,
        question=members.astype(np.int64),
        influence=influence,
        level=level,
    )


def estimate_adjusted_means(
    raters: RaterModelFit, model: IntArray, chosen: npt.NDArray[np.bool_], size: int
) -> tuple[tuple[ClusteredMean, ...], FloatArray]:
    """Return each model's mean score over the chosen answers, and the means' covariance.

    That the severities are estimates is part of both: where judges graded different models, it
    matters.

    Args:
        raters: the fit.
        model: each answer's model, as a place; each has a chosen answer.
        chosen: the answers that count.
        size: how many models there are.
    """
    own, score = model[chosen], raters.score[chosen]
    counts = np.bincount(own, minlength=size)
    means = np.bincount(own, score, minlength=size) / counts
    pull = np.zeros((size, raters.share.shape[1]))
    np.add.at(pull, own, raters.share[chosen] / counts[own][:, None])
    deviations = -raters.influence @ pull.T
    np.add.at(deviations, (raters.question[chosen], own), (score - means[own]) / counts[own])
    covariance = _cluster_correction(len(deviations)) * deviations.T @ deviations
    errors = np.sqrt(np.diag(covariance))
    reach = critical_value(raters.level, len(deviations)) * errors
    found = tuple(
        ClusteredMean(
            value=float(means[place]),
            standard_error=float(errors[place]),
            low=float(means[place] - reach[place]),
            high=float(means[place] + reach[place]),
            count=int(counts[place]),
            clusters=len(deviations),
            level=raters.level,
        )
        for place in range(size)
    )
    return found, covariance


def _noise_variances(given: FloatArray) -> FloatArray:
    """Return each judge's variance of noise, from those of all differences of two judges."""
    judges = given.shape[1]
    rows, spread, number = [], [], []
    for pair in combinations(range(judges), 2):
        difference = given[:, pair[0]] - given[:, pair[1]]
        found = difference[~np.isnan(difference)]
        if len(found) > 1:
            rows.append(np.isin(np.arange(judges), pair).astype(np.float64))
            spread.append(float(found.var(ddof=1)))
            number.append(len(found))
    if not rows:
        return np.zeros(judges)
    design, variance, root = np.array(rows), np.array(spread), np.sqrt(np.array(number))
    common = float(np.average(variance, weights=root**2)) / 2
    if np.linalg.matrix_rank(design) < judges:  # two judges, or none that three share
        return np.full(judges, common)
    solved = np.linalg.lstsq(root[:, None] * design, root * variance, rcond=None)[0]
    floored: FloatArray = np.maximum(solved, _MIN_VARIANCE_SHARE * common)
    return floored


def _invert_laplacian(laplacian: FloatArray) -> FloatArray:
    """Return the inverse beside a common severity, which nothing determines."""
    judges = len(laplacian)
    values = np.linalg.eigvalsh(laplacian)
    if judges > 1 and values[1] <= _ROUNDING * max(values[-1], 1.0):
        msg = (
            "some judges graded no answer in common with the others, so their severity cannot be "
            "told from their answers' quality"
        )
        raise DisconnectedError(msg)
    return generalized_inverse(laplacian, common_level_direction(judges, judges))


def _estimate_severities(
    severity: FloatArray, influence: FloatArray, level: float
) -> tuple[IntervalEstimate, ...]:
    number = len(influence)
    errors = np.sqrt(_cluster_correction(number) * np.sum(influence**2, axis=0))
    reach = critical_value(level, number) * errors
    return tuple(
        IntervalEstimate(value=value, standard_error=error, low=value - arm, high=value + arm)
        for value, error, arm in zip(
            severity.tolist(), errors.tolist(), reach.tolist(), strict=True
        )
    )


def _cluster_correction(clusters: int) -> float:
    return clusters / (clusters - 1) if clusters > 1 else np.nan
