"""Measure a judge's self-preference: how much more than a reference it favors its own family.

The effect is described by Panickssery et al. 2024 (arXiv:2404.13076).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.intervals.bounded_means import guard_interval
from evalharness.stats.intervals.estimates import critical_value
from evalharness.stats.intervals.question_means import QuestionMeans

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray

_PREFERENCE_RANGE = (-2.0, 2.0)
"""The smallest and the largest possible difference of two differences of points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfPreference:
    """The preference of a judge for models of its own family, relative to a reference.

    Attributes:
        value: `own` minus `other`, in points from 0 to 1.
        standard_error: the standard error, clustered by question.
        low: the lower end of the interval.
        high: the upper end of the interval.
        own: the judge's mean points minus the reference's, for models of its own family.
        other: the same for all other models.
        own_count: the number of answers by its own family.
        other_count: the number of answers by others.
        reference: `humans`, or a `panel`; with a panel, a preference that the other judges share
            is not counted.
        clusters: the number of questions.
        level: the interval's level.
    """

    value: float
    standard_error: float
    low: float
    high: float
    own: float
    other: float
    own_count: int
    other_count: int
    reference: Literal["humans", "panel"]
    clusters: int
    level: float


def measure_self_preference(
    judge: npt.ArrayLike,
    reference: npt.ArrayLike,
    is_own: npt.ArrayLike,
    cluster: npt.ArrayLike,
    *,
    reference_kind: Literal["humans", "panel"] = "humans",
    level: float = 0.95,
) -> SelfPreference:
    """Return a judge's preference for its own family, as a difference in differences.

    Models of the judge's family may be better, so points that the reference also gives are no bias.

    Args:
        judge: the judge's points for a model's answer, 0 to 1.
        reference: the reference's points for the same answer.
        is_own: whether the model is of the judge's family.
        cluster: the answer's question.
        reference_kind: humans, or the mean of the other judges (see `average_other_judges`).
        level: the interval's level.

    Raises:
        BattlesError: all models or no models are of the judge's family, or points are not finite.
    """
    excess = np.asarray(judge, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    own = np.asarray(is_own, dtype=np.bool_)
    if not (own.any() and (~own).any() and np.all(np.isfinite(excess))):
        msg = "self-preference needs finite points of models of the judge's family and of others"
        raise BattlesError(msg)
    means = np.array([excess[~own].mean(), excess[own].mean()])
    weight = np.where(own, 1 / own.sum(), -1 / (~own).sum())
    codes, member = np.unique(np.asarray(cluster), return_inverse=True)
    deviations = weight * (excess - means[own.astype(np.int64)])
    sums: FloatArray = np.bincount(member, deviations).astype(np.float64)
    clusters = len(codes)
    correction = clusters / (clusters - 1) if clusters > 1 else math.nan
    value, error = float(means[1] - means[0]), math.sqrt(correction * float(sums @ sums))
    reach = critical_value(level, clusters) * error
    low, high = value - reach, value + reach
    if clusters > 1:
        questions = QuestionMeans.from_influence(value, sums, _PREFERENCE_RANGE)
        low, high = guard_interval(questions, low, high, error, level=level)
    return SelfPreference(
        value=value,
        standard_error=error,
        low=low,
        high=high,
        own=float(means[1]),
        other=float(means[0]),
        own_count=int(own.sum()),
        other_count=int((~own).sum()),
        reference=reference_kind,
        clusters=clusters,
        level=level,
    )


def average_other_judges(points: npt.ArrayLike) -> FloatArray:
    """Return the mean points of all other judges, for each answer (row) and judge (column).

    Args:
        points: a row for each answer, a column for each judge; NaN where a judge gave no points.

    Returns:
        An array of the same shape; NaN where no other judge gave points.
    """
    given = np.asarray(points, dtype=np.float64)
    known = ~np.isnan(given)
    filled = np.where(known, given, 0.0)
    total = filled.sum(axis=1, keepdims=True) - filled
    number = known.sum(axis=1, keepdims=True) - known
    rest: FloatArray = np.divide(total, number, out=np.full_like(given, np.nan), where=number > 0)
    return rest
