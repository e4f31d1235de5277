"""A figure with its interval, as words and as places on a drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.numerals import ABSENT, figure, percent, percent_span, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.report.scales import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and its bounds; `at`, `low`, `high` are places on the drawing, None where absent."""

    value: float | None
    text: str
    span: str
    at: str | None = None
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How a kind of figure is written."""

    value: Callable[[float | None], str]
    span: Callable[[float | None, float | None], str]


RATING = Writing(value=figure, span=span)
SHARE = Writing(value=percent, span=percent_span)
SCORE = Writing(value=lambda value: figure(value, 2), span=lambda low, high: span(low, high, 2))
BENCHMARK = Writing(value=lambda value: figure(value, 3), span=lambda low, high: span(low, high, 3))

Bounds = tuple[float | None, float | None, float | None]


def interval(bounds: Bounds, writing: Writing, scale: Scale | None) -> Interval:
    """Return a figure (with low and high bound) written and placed on a scale."""
    value, low, high = bounds
    text, between = writing.value(value), writing.span(low, high)
    if scale is None or value is None:
        return Interval(value=value, text=text, span=between)
    if low is None or high is None:
        return Interval(value=value, text=text, span=ABSENT, at=scale.at(value))
    return Interval(
        value=value,
        text=text,
        span=between,
        at=scale.at(value),
        low=scale.at(low),
        high=scale.at(high),
    )
