"""Format a figure with its interval, and place both on a drawing."""

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
    """A figure and its bounds as text, and as positions on a drawing.

    Attributes:
        value: the figure; None if it was not measured.
        text: the figure as text.
        span: the interval as text.
        x: the position of the figure; None without an axis or a figure.
        low: the position of the lower bound; None without an interval.
        high: the position of the upper bound; None without an interval.
    """

    value: float | None
    text: str
    span: str
    x: str | None = None
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFormat:
    """The format of a kind of figure and of its interval."""

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
    bounds: ValueAndBounds, figure_format: FigureFormat, scale: Axis | None
) -> PlacedInterval:
    """Return a figure and its bounds, formatted and placed on an axis."""
    value, low, high = bounds
    text, span = figure_format.value(value), figure_format.span(low, high)
    if scale is None or value is None:
        return PlacedInterval(value=value, text=text, span=span)
    if low is None or high is None:
        return PlacedInterval(value=value, text=text, span=ABSENT, x=scale.x_percent(value))
    return PlacedInterval(
        value=value,
        text=text,
        span=span,
        x=scale.x_percent(value),
        low=scale.x_percent(low),
        high=scale.x_percent(high),
    )
