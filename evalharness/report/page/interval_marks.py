"""A figure with its interval, as words and as places on a drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.number_format import (
    ABSENT,
    format_number,
    format_percent,
    format_percent_span,
    format_span,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.report.page.axes import Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedInterval:
    """A figure and its bounds; `at`, `low`, `high` are places on the drawing, None where absent."""

    value: float | None
    text: str
    span: str
    at: str | None = None
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFormat:
    """How a kind of figure is written."""

    value: Callable[[float | None], str]
    span: Callable[[float | None, float | None], str]


RATING_FORMAT = FigureFormat(value=format_number, span=format_span)
SHARE_FORMAT = FigureFormat(value=format_percent, span=format_percent_span)
SCORE_FORMAT = FigureFormat(
    value=lambda value: format_number(value, 2), span=lambda low, high: format_span(low, high, 2)
)
BENCHMARK_FORMAT = FigureFormat(
    value=lambda value: format_number(value, 3), span=lambda low, high: format_span(low, high, 3)
)

ValueAndBounds = tuple[float | None, float | None, float | None]


def place_interval(
    bounds: ValueAndBounds, writing: FigureFormat, scale: Axis | None
) -> PlacedInterval:
    """Return a figure (with low and high bound) written and placed on a scale."""
    value, low, high = bounds
    text, between = writing.value(value), writing.span(low, high)
    if scale is None or value is None:
        return PlacedInterval(value=value, text=text, span=between)
    if low is None or high is None:
        return PlacedInterval(value=value, text=text, span=ABSENT, at=scale.at(value))
    return PlacedInterval(
        value=value,
        text=text,
        span=between,
        at=scale.at(value),
        low=scale.at(low),
        high=scale.at(high),
    )
