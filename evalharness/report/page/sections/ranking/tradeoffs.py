"""Plot the rating against the scores of each benchmark; the size of a mark is the cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.number_format import format_count, format_dollars
from evalharness.report.page.axes import Axis, fit_axis
from evalharness.report.page.interval_marks import BENCHMARK_FORMAT, RATING_FORMAT
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.analysis import LeaderboardRow
    from evalharness.domain import Usage
    from evalharness.report.page.page_data import PageData

PLOT_HEIGHT_PX = 220
"""The height of one plot, in pixels."""
_MIN_RADIUS, _MAX_RADIUS = 5.0, 16.0
MIN_MODELS = 2
"""The smallest number of models for a plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelPoint:
    """One model: benchmark score on the x axis, rating on the y axis, cost as the area."""

    number: int
    x: str
    y: str
    radius: str
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _TradeoffPlot:
    benchmark: str
    x_axis: Axis
    y_axis: Axis
    points: tuple[_ModelPoint, ...]


def render_tradeoffs(data: PageData) -> str:
    """Return a plot per benchmark, or nothing if no two models have a rating and a score."""
    rated = [row for row in data.leaderboard.rows if row.rating is not None]
    names = dict.fromkeys(name for row in rated for name in row.benchmarks)
    spent, unit = _cost_by_model(data)
    plots = [_make_plot(data, name, rated, spent) for name in names]
    shown = [plot for plot in plots if plot is not None]
    if not shown:
        return ""
    compared = [row.model for row in rated if row.benchmarks]
    return fill_template(
        "sections/ranking/tradeoffs",
        data=data,
        plots=shown,
        unit=unit,
        models=compared,
        height=PLOT_HEIGHT_PX,
    )


def _make_plot(
    data: PageData, name: str, rated: list[LeaderboardRow], spent: Mapping[str, tuple[float, str]]
) -> _TradeoffPlot | None:
    rows = [row for row in rated if name in row.benchmarks]
    x_axis = fit_axis(row.benchmarks[name] for row in rows)
    y_axis = fit_axis(row.rating for row in rows)
    if x_axis is None or y_axis is None or len(rows) < MIN_MODELS:
        return None
    most = max((spent[row.model][0] for row in rows if row.model in spent), default=0.0)
    return _TradeoffPlot(
        benchmark=name,
        x_axis=x_axis,
        y_axis=y_axis,
        points=tuple(_make_point(data, row, name, (x_axis, y_axis), spent, most) for row in rows),
    )


def _make_point(
    data: PageData,
    row: LeaderboardRow,
    name: str,
    scales: tuple[Axis, Axis],
    spent: Mapping[str, tuple[float, str]],
    most: float,
) -> _ModelPoint:
    x_axis, y_axis = scales
    amount, cost_text = spent.get(row.model, (0.0, "cost not known"))
    size = (amount / most) ** 0.5 if most else 0.0
    value = row.benchmarks[name]
    return _ModelPoint(
        number=data.model_number(row.model),
        x=x_axis.x_percent(value),
        y=y_axis.y_pixels(row.rating or 0.0, PLOT_HEIGHT_PX),
        radius=f"{_MIN_RADIUS + (_MAX_RADIUS - _MIN_RADIUS) * size:.1f}",
        tooltip=f"{row.model}: {name} {BENCHMARK_FORMAT.value(value)}, rating {RATING_FORMAT.value(row.rating)}, {cost_text}",
    )


def _cost_by_model(data: PageData) -> tuple[dict[str, tuple[float, str]], str]:
    """Return the cost of each model's answers, or without prices the number of tokens written."""
    usages: dict[str, list[Usage]] = defaultdict(list)
    for answer in data.records.answers:
        usages[answer.model] += [turn.usage for turn in answer.turns]
    costs = {
        name: sum(map(model.prices.usd_for_usage, usages[name]))
        for name, model in data.records.config.models.items()
        if name in usages and model.prices.is_known
    }
    counted = (data.usage.get("candidates") or {}).get("by_model") or {}
    for name, own in counted.items():
        if name in usages and name not in costs and own.get("usd") is not None:
            costs[name] = own["usd"]  # at the list price of the day
    if costs:
        return {
            model: (cost, format_dollars(cost)) for model, cost in costs.items()
        }, "cost of its answers"
    written = {
        model: sum(usage.completion_tokens or 0 for usage in own) for model, own in usages.items()
    }
    return (
        {
            model: (float(tokens), f"{format_count(tokens)} tokens written")
            for model, tokens in written.items()
        },
        "tokens it wrote, as no prices are known",
    )


SECTION = Section(
    address="tradeoffs", place=51, title="Rating against benchmarks", render=render_tradeoffs
)
