"""The report's plots as plotly figures, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from evalharness.report.numerals import percent, percent_span
from evalharness.report.pairs import both_sides, is_decided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.leaderboard import Leaderboard, PairRow

COLORS = ("#0a68ad", "#c24a00", "#008060", "#8b4397", "#8a6900", "#596570")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
LOSES_TO_WINS = ((0.0, "#f2a871"), (0.5, "#f5f5f2"), (1.0, "#7fb6e2"))


def rating_plot(leaderboard: Leaderboard) -> go.Figure:
    """Return every rated model's rating with its interval, the best one on top."""
    rows = [row for row in reversed(leaderboard.rows) if row.rating is not None]
    figure = go.Figure(
        go.Scatter(
            x=[row.rating for row in rows],
            y=[row.model for row in rows],
            mode="markers",
            marker={"color": COLORS[0], "size": 9},
            error_x={
                "type": "data",
                "array": [_distance(row.rating, row.rating_high) for row in rows],
                "arrayminus": [_distance(row.rating, row.rating_low) for row in rows],
            },
            customdata=[[row.rank_low, row.rank_high, row.battles] for row in rows],
            hovertemplate=(
                "%{y}: %{x:.0f}<br>rank %{customdata[0]} to %{customdata[1]}"
                "<br>%{customdata[2]} battles<extra></extra>"
            ),
        )
    )
    title = f"{leaderboard.method} ratings, {leaderboard.level:.0%} intervals"
    return figure.update_layout(template="plotly_white", title=title, xaxis_title="Rating")


def win_rate_matrix(leaderboard: Leaderboard) -> go.Figure:
    """Return how often the row's model beats the column's; `*` where the interval leaves out 50%."""
    models = [row.model for row in leaderboard.rows]
    pairs = both_sides(leaderboard.pairs)
    cells = [[pairs.get((row, column)) for column in models] for row in models]
    figure = go.Figure(
        go.Heatmap(
            x=models,
            y=models,
            z=[[pair.win_rate if pair else None for pair in row] for row in cells],
            text=[[_written(pair) if pair else "" for pair in row] for row in cells],
            texttemplate="%{text}",
            hovertemplate="%{y} against %{x}: %{text}<extra></extra>",
            colorscale=LOSES_TO_WINS,
            zmin=0,
            zmax=1,
            showscale=False,
        )
    )
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(template="plotly_white", title="Win rate of row against column")


def scores_by_category(leaderboard: Leaderboard) -> go.Figure:
    """Return every model's mean grade in each category."""
    categories = _categories(leaderboard)
    figure = go.Figure(
        [
            go.Scatter(
                name=row.model,
                x=[row.score_by_category.get(category) for category in categories],
                y=categories,
                mode="markers",
                marker={
                    "color": COLORS[number % len(COLORS)],
                    "symbol": SYMBOLS[number % len(SYMBOLS)]
                    + ("-open" if number // len(SYMBOLS) % 2 else ""),
                    "size": 10,
                },
                hovertemplate="%{y}: %{x:.2f}",
            )
            for number, row in enumerate(leaderboard.rows)
        ]
    )
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(
        template="plotly_white", title="Scores by category", xaxis_title="Mean grade, 1 to 10"
    )


def _distance(value: float | None, bound: float | None) -> float | None:
    return None if value is None or bound is None else abs(bound - value)


def _written(pair: PairRow) -> str:
    star = "*" if is_decided(pair) else ""
    return f"{percent(pair.win_rate)}{star}<br>{percent_span(pair.low, pair.high)}"


def _categories(leaderboard: Leaderboard) -> Sequence[str]:
    return list(dict.fromkeys(name for row in leaderboard.rows for name in row.score_by_category))
