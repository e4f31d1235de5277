"""Test the difference of two models' win rates, clustered by question.

The test uses the influence of each question on the difference, as both models answer the same
questions. Where one of them has questions that the other has not, the number of all questions says
nothing about the model with few of them. Then the interval also covers that of independent rates
(MOVER: Zou & Donner 2008, Statistics in Medicine 27), each guarded by its own questions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.battles.win_rates import find_model_index
from evalharness.stats.intervals.differences import t_test_difference
from evalharness.stats.intervals.means import clustered_proportion
from evalharness.stats.intervals.question_means import QuestionMeans

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.intervals.differences import DifferenceTest

_DIFFERENCES = (-1.0, 1.0)
_P_VALUE_STEPS, _MIN_P_VALUE = 16, 1e-6


def compare_win_rates(
    comparisons: Comparisons, model: str, other: str, *, level: float = 0.95
) -> DifferenceTest:
    """Return the difference of two models' win rates against all others, with its test.

    Args:
        comparisons: the battles, as arrays.
        model: the first model.
        other: the model with the win rate that is subtracted.
        level: the interval's level.

    Raises:
        BattlesError: one of the models has no battle.
    """
    first, second = (_ModelPoints.from_comparisons(comparisons, name) for name in (model, other))
    cluster, size = np.unique(comparisons.cluster), comparisons.clusters
    influences = first.sum_influences(cluster) - second.sum_influences(cluster)
    correction = size / (size - 1) if size > 1 else math.nan
    error = float(np.sqrt(correction * (influences @ influences)))
    value = first.rate - second.rate
    questions = QuestionMeans.from_influence(value, influences, _DIFFERENCES)
    test = t_test_difference(value, error, size, level=level, questions=questions)
    if np.array_equal(np.unique(first.cluster), np.unique(second.cluster)):
        return test
    return _widen_to_independent_rates(test, first, second)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ModelPoints:
    """The points of a model in its battles: 1 for a win, 1/2 for a tie."""

    points: FloatArray
    weight: FloatArray
    cluster: IntArray

    @classmethod
    def from_comparisons(cls, comparisons: Comparisons, model: str) -> _ModelPoints:
        place = find_model_index(comparisons.models, model)
        first, second = comparisons.first == place, comparisons.second == place
        own = (first | second) & (comparisons.weight > 0)
        if not own.any():
            msg = f"{model} fought no battle"
            raise BattlesError(msg)
        points = np.where(first, comparisons.points, 1 - comparisons.points)
        return cls(
            points=points[own], weight=comparisons.weight[own], cluster=comparisons.cluster[own]
        )

    @property
    def rate(self) -> float:
        return float(self.weight @ self.points / self.weight.sum())

    def sum_influences(self, cluster: IntArray) -> FloatArray:
        """Return the influence of each of these clusters (sorted) on the rate."""
        place = np.searchsorted(cluster, self.cluster)
        residuals = self.weight * (self.points - self.rate)
        sums = np.bincount(place, residuals, minlength=len(cluster))
        return np.asarray(sums / self.weight.sum(), dtype=np.float64)

    def bound_rate(self, level: float) -> tuple[float, float]:
        """Return the interval of the rate by its own questions; the whole scale for one question."""
        if len(np.unique(self.cluster)) == 1:
            return 0.0, 1.0
        share = clustered_proportion(self.points, self.cluster, weight=self.weight, level=level)
        return share.low, share.high


def _widen_to_independent_rates(
    test: DifferenceTest, first: _ModelPoints, second: _ModelPoints
) -> DifferenceTest:
    """Return a test whose interval also covers that of two independent rates."""
    low, high = _bound_independent_difference(first, second, test.level)
    low, high = np.fmin(low, test.low), np.fmax(high, test.high)
    reach = max(test.value - low, high - test.value)
    before = max(test.value - test.low, test.high - test.value)
    extra = test.detectable - before
    return replace(
        test,
        low=float(low),
        high=float(high),
        p_value=float(np.fmax(test.p_value, _find_independent_p_value(first, second))),
        detectable=float(reach + (extra if math.isfinite(extra) else 0.0)),
        clusters=min(len(np.unique(side.cluster)) for side in (first, second)),
    )


def _bound_independent_difference(
    first: _ModelPoints, second: _ModelPoints, level: float
) -> tuple[float, float]:
    """Return the interval of the difference of independent rates (MOVER)."""
    low, high = first.bound_rate(level)
    other_low, other_high = second.bound_rate(level)
    value = first.rate - second.rate
    return (
        max(-1.0, value - math.hypot(first.rate - low, other_high - second.rate)),
        min(1.0, value + math.hypot(high - first.rate, second.rate - other_low)),
    )


def _find_independent_p_value(first: _ModelPoints, second: _ModelPoints) -> float:
    """Return 1 minus the highest level at which the interval of independent rates excludes 0."""
    below, above = math.log(_MIN_P_VALUE), 0.0
    for _ in range(_P_VALUE_STEPS):
        middle = (below + above) / 2
        low, high = _bound_independent_difference(first, second, 1 - math.exp(middle))
        below, above = (below, middle) if low > 0 or high < 0 else (middle, above)
    return math.exp(above)
