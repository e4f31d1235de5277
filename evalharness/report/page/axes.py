"""Compute axes: the position of a value on a drawing, and the round values to mark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

RADAR_GRADES = (1, 4, 7, 10)
"""The grades of the rings of every radar: the lowest grade is the center, the highest the rim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear axis from `low` to `high`."""

    low: float
    high: float
    step: float

    def x_percent(self, value: float) -> str:
        """Return the position of a value as a percentage of the width, clipped to the drawing."""
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(1.0, max(0.0, share)):.2f}%"

    def y_pixels(self, value: float, height: float) -> str:
        """Return the position of a value in pixels from the top of a drawing of this height."""
        share = (value - self.low) / (self.high - self.low)
        return f"{height * (1 - min(1.0, max(0.0, share))):.1f}"

    def ticks(self) -> list[float]:
        """Return the round values on the axis."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [number * self.step for number in range(first, last + 1)]

    @property
    def digits(self) -> int:
        """The number of decimals that its ticks need."""
        return max(0, -math.floor(math.log10(self.step) + 1e-9))


def fit_axis(values: Iterable[float | None], *, marks: int = 5) -> Axis | None:
    """Return an axis that covers the values and ends at round numbers; None without values."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    low, high = min(known), max(known)
    step = _round_up_step((high - low or abs(high) or 1.0) / marks)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return Axis(low=low, high=high if high > low else low + step, step=step)


def _round_up_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough - 1e-12)
