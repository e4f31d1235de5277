"""Keep the weights of battles in the range in which their squares and sums are exact enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.errors import BattlesError

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray

_LARGEST_RATIO = 1e12
"""A battle that weighs less than this share of another is lost in the rounding of sums."""

_SMALLEST_UNSCALED, _LARGEST_UNSCALED = 1e-100, 1e100
"""Weights outside these bounds are divided by a power of 2, because their squares overflow."""


@dataclass(slots=True)
class WeightRange:
    """The smallest and the largest weight so far, and the unit that weights are divided by.

    Only the ratios of weights matter to ratings and win rates.
    """

    _least: float = math.inf
    _most: float = 0.0
    _unit: float | None = None

    def rescale(self, weights: FloatArray) -> FloatArray:
        """Return positive weights in the unit of the first batch; the unit is 1 if possible.

        Raises:
            BattlesError: the largest weight so far is more than 1e12 times the smallest.
        """
        least, most = float(weights.min()), float(weights.max())
        if self._unit is None:
            is_usual = _SMALLEST_UNSCALED <= most <= _LARGEST_UNSCALED
            self._unit = 1.0 if is_usual else math.ldexp(1.0, math.frexp(most)[1] - 1)
        self._least, self._most = min(self._least, least), max(self._most, most)
        self._require_narrow()
        return weights if self._unit == 1.0 else weights / self._unit

    def _require_narrow(self) -> None:
        if self._least < self._most / _LARGEST_RATIO:
            msg = (
                f"the weights of the battles go from {self._least:g} to {self._most:g}: the light "
                f"battles are lost in rounding. Leave them out, or keep weights within a factor of "
                f"{_LARGEST_RATIO:g}"
            )
            raise BattlesError(msg)
