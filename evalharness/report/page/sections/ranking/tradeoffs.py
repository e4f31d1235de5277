"""Judged rating against benchmark scores, one plot a benchmark; the size of a mark is the cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.number_format import format_count, format_dollars
from evalharness.report.page.axes import Axis, fit_axis
from evalharness.report.page.interval_marks import BENCHMARK_FORMAT, RATING_FORMAT
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.analysis import LeaderboardRow
    from evalharness.report.page.page_data import PageData

PLACE = 51
TITLE = "Rating against benchmarks"
PLOT_HEIGHT_PX = 220
"""Of one plot, in pixels."""
_MIN_RADIUS, _MAX_RADIUS = 5.0, 16.0
MIN_MODELS = 2
"""Fewer models than this make no plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelPoint:
    """One model: benchmark score to the right, rating upward, the area by what it spent."""

    number: int
    x: str
    y: str
    radius: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _TradeoffPlot:
    benchmark: str
    across: Axis
    up: Axis
    points: tuple[_ModelPoint, ...]


def render(facts: PageData) -> str:
    """Return a plot for each benchmark, or nothing where no two models have rating and score."""
    rated = [row for row in facts.leaderboard.rows if row.rating is not None]
    names = dict.fromkeys(name for row in rated for name in row.benchmarks)
    spent, unit = _cost_by_model(facts)
    plots = [_make_plot(facts, name, rated, spent) for name in names]
    shown = [plot for plot in plots if plot is not None]
    if not shown:
        return ""
    compared = [row.model for row in rated if row.benchmarks]
    return fill_template(
        "sections/ranking/tradeoffs",
        facts=facts,
        plots=shown,
        unit=unit,
        models=compared,
        height=PLOT_HEIGHT_PX,
    )


def _make_plot(
    facts: PageData, name: str, rated: list[LeaderboardRow], spent: Mapping[str, tuple[float, str]]
) -> _TradeoffPlot | None:
    rows = [row for row in rated if name in row.benchmarks]
    across = fit_axis(row.benchmarks[name] for row in rows)
    up = fit_axis(row.rating for row in rows)
    if across is None or up is None or len(rows) < MIN_MODELS:
        return None
    most = max((spent[row.model][0] for row in rows if row.model in spent), default=0.0)
    return _TradeoffPlot(
        benchmark=name,
        across=across,
        up=up,
        points=tuple(_make_point(facts, row, name, (across, up), spent, most) for row in rows),
    )


def _make_point(
    facts: PageData,
    row: LeaderboardRow,
    name: str,
    scales: tuple[Axis, Axis],
    spent: Mapping[str, tuple[float, str]],
    most: float,
) -> _ModelPoint:
    across, up = scales
    amount, told = spent.get(row.model, (0.0, "cost not known"))
    size = (amount / most) ** 0.5 if most else 0.0
    value = row.benchmarks[name]
    return _ModelPoint(
        number=facts.number(row.model),
        x=across.at(value),
        y=up.up(row.rating or 0.0, PLOT_HEIGHT_PX),
        radius=f"{_MIN_RADIUS + (_MAX_RADIUS - _MIN_RADIUS) * size:.1f}",
        told=f"{row.model}: {name} {BENCHMARK_FORMAT.value(value)}, rating {RATING_FORMAT.value(row.rating)}, {told}",
    )


def _cost_by_model(facts: PageData) -> tuple[dict[str, tuple[float, str]], str]:
    """Return what each model's answers cost by list prices; without any, the tokens it wrote."""
    tokens: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for answer in facts.records.answers:
        for turn in answer.turns:
            tokens[answer.model][0] += turn.prompt_tokens or 0
            tokens[answer.model][1] += turn.completion_tokens or 0
    costs = {}
    for name, model in facts.records.config.models.items():
        prices = model.prices
        if name in tokens and prices.is_known:
            read, written = tokens[name]
            costs[name] = (read * prices.input + written * prices.output) / 1e6
    if costs:
        return {
            model: (cost, format_dollars(cost)) for model, cost in costs.items()
        }, "cost of its answers"
    return (
        {
            model: (float(written), f"{format_count(written)} tokens written")
            for model, (_, written) in tokens.items()
        },
        "tokens it wrote, as no prices are known",
    )
