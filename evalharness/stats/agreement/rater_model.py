"""Fit the rater model: scores from judges that differ in severity and noise.

The score of answer i by judge m is a_i - severity_m + noise of standard deviation sigma_m. The fit
is two-way least squares with weights 1 / sigma_m^2; severities sum to zero. The noise variances
come from the variances of the differences between two judges, var(x_m - x_n) = sigma_m^2 +
sigma_n^2 (Grubbs 1948, Journal of the American Statistical Association 43). This takes three
judges; two judges get one common variance.
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
from evalharness.stats.intervals.mean_scores import SCORE_RANGE
from evalharness.stats.intervals.means import ClusteredMean, estimate_from_influence

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

_MIN_VARIANCE_SHARE = 0.1
"""A judge's variance is at least this share of the mean, so that no judge gets all the weight."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RaterModelFit:
    """A fit of scores by judges of different severity and noise.

    Attributes:
        severity: the severity of each judge, in points below the panel's mean.
        noise: the standard deviation of each judge, in points.
        score: the score of each answer, at the panel's mean severity.
        share: the weight of each judge (column) in the score of each answer (row).
        question: the question of each answer, as a number from 0.
        influence: the influence of each question (row) on the leniency (minus the severity) of each
            judge (column).
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
    """Return the severities, the noise, and the scores of the answers at common severity.

    Args:
        scores: one row per answer, one column per judge; NaN for no score.
        question: each answer's question, as a number; intervals are clustered by it.
        level: the intervals' level.

    Raises:
        DisconnectedError: the judges are not all connected by answers in common.
    """
    values = np.asarray(scores, dtype=np.float64)
    _, members = np.unique(np.asarray(question), return_inverse=True)
    is_scored = ~np.isnan(values)
    noise = np.sqrt(_noise_variances(values))
    weight = is_scored / np.where(noise > 0, noise, 1.0) ** 2
    share = weight / weight.sum(axis=1, keepdims=True)
    filled = np.where(is_scored, values, 0.0)
    laplacian = np.diag(weight.sum(axis=0)) - weight.T @ share
    inverse = _invert_laplacian(laplacian)
    centered = np.where(is_scored, values - np.sum(share * filled, axis=1, keepdims=True), 0.0)
    leniency = inverse @ np.sum(weight * centered, axis=0)
    score = np.sum(share * (filled - leniency), axis=1)
    residual = np.where(is_scored, values - score[:, None] - leniency, 0.0)
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
    """Return each model's mean score over the chosen answers, and each question's influence on it.

    Both include the error of the severities, which matters where judges graded different models.

    Args:
        raters: the fit.
        model: each answer's model, as a number from 0; each model has a chosen answer.
        chosen: the answers to average.
        size: the number of models.
    """
    own, score = model[chosen], raters.score[chosen]
    counts = np.bincount(own, minlength=size)
    means = np.bincount(own, score, minlength=size) / counts
    severity_weight = np.zeros((size, raters.share.shape[1]))
    np.add.at(severity_weight, own, raters.share[chosen] / counts[own][:, None])
    deviations = -raters.influence @ severity_weight.T
    np.add.at(deviations, (raters.question[chosen], own), (score - means[own]) / counts[own])
    estimates = tuple(
        estimate_from_influence(
            float(means[place]),
            deviations[:, place],
            int(counts[place]),
            level=raters.level,
            scale=SCORE_RANGE,
        )
        for place in range(size)
    )
    return estimates, deviations


def _noise_variances(values: FloatArray) -> FloatArray:
    """Return each judge's noise variance, from the variances of all differences of two judges."""
    judges = values.shape[1]
    rows, spread, number = [], [], []
    for pair in combinations(range(judges), 2):
        difference = values[:, pair[0]] - values[:, pair[1]]
        defined = difference[~np.isnan(difference)]
        if len(defined) > 1:
            rows.append(np.isin(np.arange(judges), pair).astype(np.float64))
            spread.append(float(defined.var(ddof=1)))
            number.append(len(defined))
    if not rows:
        return np.zeros(judges)
    design, variance, root = np.array(rows), np.array(spread), np.sqrt(np.array(number))
    common = float(np.average(variance, weights=root**2)) / 2
    if np.linalg.matrix_rank(design) < judges:  # fewer than three judges with common answers
        return np.full(judges, common)
    solved = np.linalg.lstsq(root[:, None] * design, root * variance, rcond=None)[0]
    floored: FloatArray = np.maximum(solved, _MIN_VARIANCE_SHARE * common)
    return floored


def _invert_laplacian(laplacian: FloatArray) -> FloatArray:
    """Return the generalized inverse, because the common level of severities is not determined."""
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
    reaches = critical_value(level, number) * errors
    return tuple(
        IntervalEstimate(value=value, standard_error=error, low=value - reach, high=value + reach)
        for value, error, reach in zip(
            severity.tolist(), errors.tolist(), reaches.tolist(), strict=True
        )
    )


def _cluster_correction(clusters: int) -> float:
    return clusters / (clusters - 1) if clusters > 1 else np.nan
