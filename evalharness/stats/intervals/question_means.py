"""Define the means of questions on a bounded scale, from which small samples are judged."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray

EQUAL = 1e-12
"""Values that differ by less, as a share of the scale, are equal."""

_WORST_OF_SCALE, _WORST_OBSERVED = 0.4, 0.75
"""Standard errors of the mean, in moves by one added question, between which the added value moves."""

_SPREAD_OF_DIFFERENCES = 0.015, 0.03
"""The same for differences, as standard deviations of a question in distances to the worst value.

Two models rarely differ by the whole scale, so a small spread of differences is believed sooner.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuestionMeans:
    """The mean of each question, on a bounded scale.

    Attributes:
        value: the mean of each question.
        weight: the weight of each question in the mean over questions.
        count: the number of questions with each value; 1 for separate questions.
        scale: the smallest and the largest possible value.
        are_observed: whether the values are those of questions, and do not stand for their spread.
    """

    value: FloatArray
    weight: FloatArray
    count: FloatArray
    scale: tuple[float, float]
    are_observed: bool = True

    @classmethod
    def from_values(
        cls,
        value: FloatArray,
        weight: FloatArray,
        scale: tuple[float, float],
        *,
        count: FloatArray | None = None,
    ) -> QuestionMeans:
        """Return question means; values beyond the scale widen it.

        Args:
            value: the mean of each question.
            weight: the weight of each question.
            scale: the smallest and the largest possible value.
            count: the number of questions with each value; 1 by default.
        """
        count = np.ones(len(value)) if count is None else count
        used = (weight > 0) & (count > 0)
        value = value[used]
        return cls(
            value=value,
            weight=weight[used],
            count=count[used],
            scale=(min(scale[0], float(value.min())), max(scale[1], float(value.max()))),
        )

    @classmethod
    def from_moments(
        cls, value: float, error: float, clusters: int, scale: tuple[float, float]
    ) -> QuestionMeans:
        """Return question means with a given mean and standard error, as far as the scale allows.

        This serves figures whose questions have no separate values. Half of the questions lie above
        the mean and half below.

        Args:
            value: the mean.
            error: its standard error.
            clusters: the number of questions.
            scale: the smallest and the largest possible value.
        """
        spread = error * math.sqrt(max(clusters - 1, 0))
        values = np.clip([value - spread, value + spread], *scale)
        half = np.full(2, clusters / 2)
        made = cls.from_values(
            values, np.ones(2), (min(scale[0], value), max(scale[1], value)), count=half
        )
        return replace(made, are_observed=False)

    @classmethod
    def from_influence(
        cls, value: float, influence: FloatArray, scale: tuple[float, float]
    ) -> QuestionMeans:
        """Return question means with a given mean, from the influence of each question on it.

        Args:
            value: the mean.
            influence: the influence of each question; influences sum to 0.
            scale: the smallest and the largest possible value.
        """
        number = len(influence)
        return cls.from_values(value + number * influence, np.ones(number), scale)

    @property
    def mean(self) -> float:
        """The mean over questions."""
        weight = self.weight * self.count
        return float(weight @ self.value / weight.sum())

    @property
    def number(self) -> float:
        """The number of questions of equal weight with the same information (Kish 1965)."""
        weight, count = self.weight, self.count
        return float((count @ weight) ** 2 / (count @ weight**2))

    @property
    def width(self) -> float:
        """The length of the scale."""
        return self.scale[1] - self.scale[0]

    @property
    def are_equal(self) -> bool:
        """Whether all questions have the same value."""
        return float(np.ptp(self.value)) <= EQUAL * self.width

    @property
    def two_values(self) -> tuple[float, float] | None:
        """The two values that all questions have, or None; the ends of the scale, if it is these."""
        pairs = [self.scale]
        if self.are_observed:
            pairs.append((float(self.value.min()), float(self.value.max())))
        for low, high in pairs:
            distance = np.minimum(np.abs(self.value - low), np.abs(self.value - high))
            if low < high and float(distance.max()) <= EQUAL * self.width:
                return low, high
        return None

    @property
    def is_difference(self) -> bool:
        """Whether the values are differences, on a scale around 0."""
        return self.scale[0] < 0 < self.scale[1]

    def clip(self, low: float, high: float) -> tuple[float, float]:
        """Return an interval without the part beyond the scale.

        Args:
            low: the lower end of the interval.
            high: the upper end.
        """
        return max(low, self.scale[0]), min(high, self.scale[1])

    def added_values(self, error: float) -> tuple[float, float]:
        """Return the values of the added question for the lower and for the upper bound.

        Args:
            error: the standard error of the mean.
        """
        mean, observed = self.mean, (float(self.value.min()), float(self.value.max()))
        added = []
        for worst, seen in zip(self.scale, observed, strict=True):
            move = abs(mean - worst)
            ratio = self.number * error / move if move > 0 else math.inf
            start, end = _WORST_OF_SCALE, _WORST_OBSERVED
            if self.is_difference:
                start, end = (math.sqrt(self.number) * each for each in _SPREAD_OF_DIFFERENCES)
            share = (ratio - start) / (end - start)
            added.append(worst + (seen - worst) * min(max(share, 0.0), 1.0))
        return added[0], added[1]

    def mirror(self) -> QuestionMeans:
        """Return the same questions with all signs reversed."""
        return replace(self, value=-self.value, scale=(-self.scale[1], -self.scale[0]))
