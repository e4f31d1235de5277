"""Convert NaN, which marks a figure that could not be computed, to None."""

from __future__ import annotations

import math
from typing import Protocol


class _Estimate(Protocol):
    @property
    def value(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def none_if_nan(value: float) -> float | None:
    """Return a number, or None for NaN."""
    return None if math.isnan(value) else float(value)


def value_and_interval(
    estimate: _Estimate | None,
) -> tuple[float | None, float | None, float | None]:
    """Return an estimate with the ends of its interval; None for what could not be computed."""
    if estimate is None:
        return None, None, None
    return none_if_nan(estimate.value), none_if_nan(estimate.low), none_if_nan(estimate.high)
