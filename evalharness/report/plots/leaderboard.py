"""Plot ratings and win rates as plotly figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from evalharness.report.number_format import format_percent, format_percent_span
from evalharness.report.pair_sides import index_pairs_both_ways, is_decided_pair
from evalharness.report.plots.style import MODEL_COLORS, error_bar_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import Leaderboard, ModelPairRow

WIN_RATE_COLOR_SCALE = ((0.0, "#f2a871"), (0.5, "#f5f5f2"), (1.0, "#7fb6e2"))


def plot_ratings(leaderboard: Leaderboard) -> go.Figure:
    """Return every rated model's rating with its interval, the best one on top.

    Args:
        leaderboard: a run's `board`.
    """
    rows = [row for row in reversed(leaderboard.rows) if row.rating is not None]
    figure = go.Figure(
        go.Scatter(
            x=[row.rating for row in rows],
            y=[row.model for row in rows],
            mode="markers",
            marker={"color": MODEL_COLORS[0], "size": 9},
            error_x={
                "type": "data",
                "array": [error_bar_length(row.rating, row.rating_high) for row in rows],
                "arrayminus": [error_bar_length(row.rating, row.rating_low) for row in rows],
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


def plot_win_rates(leaderboard: Leaderboard) -> go.Figure:
    """Return the win rates of the row's model against the column's; `*` if the interval excludes 50%.

    Args:
        leaderboard: a run's `board`.
    """
    models, cells = _pair_grid(leaderboard)
    return _plot_matrix(
        models,
        [[pair.win_rate if pair else None for pair in row] for row in cells],
        [[_win_rate_text(pair) if pair else "" for pair in row] for row in cells],
        title="Win rate of row against column",
    )


def plot_probabilities_better(leaderboard: Leaderboard) -> go.Figure:
    """Return the probability that the row's model is better than the column's, given all battles.

    Args:
        leaderboard: a run's `board`.
    """
    models, cells = _pair_grid(leaderboard)
    values = [[None if pair is None else pair.better for pair in row] for row in cells]
    texts = [["" if value is None else format_percent(value, 1) for value in row] for row in values]
    return _plot_matrix(models, values, texts, title="P(row is better than column)")


def plot_rating_against_benchmark(leaderboard: Leaderboard, benchmark: str) -> go.Figure:
    """Return every model's judged rating against its score in a benchmark of the leaderboard.

    Args:
        leaderboard: a run's `board`.
        benchmark: its name, a key of the leaderboard's `benchmarks`.
    """
    rows = [row for row in leaderboard.rows if benchmark in row.benchmarks]
    figure = go.Figure(
        go.Scatter(
            x=[row.benchmarks[benchmark] for row in rows],
            y=[row.rating for row in rows],
            text=[row.model for row in rows],
            mode="markers+text",
            textposition="top center",
            marker={"color": MODEL_COLORS[0], "size": 10},
            error_y={
                "type": "data",
                "array": [error_bar_length(row.rating, row.rating_high) for row in rows],
                "arrayminus": [error_bar_length(row.rating, row.rating_low) for row in rows],
            },
        )
    )
    return figure.update_layout(
        template="plotly_white",
        title=f"Rating against {benchmark}",
        xaxis_title=benchmark,
        yaxis_title="Rating",
    )


def _pair_grid(leaderboard: Leaderboard) -> tuple[list[str], list[list[ModelPairRow | None]]]:
    """Return the models and every pair from the row's side; None on the diagonal."""
    models = [row.model for row in leaderboard.rows]
    pairs = index_pairs_both_ways(leaderboard.pairs)
    return models, [[pairs.get((row, column)) for column in models] for row in models]


def _plot_matrix(
    models: Sequence[str],
    values: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
    *,
    title: str,
) -> go.Figure:
    figure = go.Figure(
        go.Heatmap(
            x=models,
            y=models,
            z=values,
            text=texts,
            texttemplate="%{text}",
            hovertemplate="%{y} against %{x}: %{text}<extra></extra>",
            colorscale=WIN_RATE_COLOR_SCALE,
            zmin=0,
            zmax=1,
            showscale=False,
        )
    )
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(template="plotly_white", title=title)


def _win_rate_text(pair: ModelPairRow) -> str:
    star = "*" if is_decided_pair(pair) else ""
    return f"{format_percent(pair.win_rate)}{star}<br>{format_percent_span(pair.low, pair.high)}"
