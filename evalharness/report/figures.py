"""The report's plots as plotly figures, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from evalharness.report.numerals import percent, percent_span
from evalharness.report.pairs import both_sides, is_decided

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from evalharness.leaderboard import Leaderboard, PairRow

COLORS = ("#0a68ad", "#c24a00", "#008060", "#8b4397", "#8a6900", "#596570")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
LOSES_TO_WINS = ((0.0, "#f2a871"), (0.5, "#f5f5f2"), (1.0, "#7fb6e2"))


def rating_plot(leaderboard: Leaderboard) -> go.Figure:
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
    """Return how often the row's model beats the column's; `*` where the interval leaves out 50%.

    Args:
        leaderboard: a run's `board`.
    """
    models, cells = _cells(leaderboard)
    return _matrix(
        models,
        [[pair.win_rate if pair else None for pair in row] for row in cells],
        [[_written(pair) if pair else "" for pair in row] for row in cells],
        title="Win rate of row against column",
    )


def better_matrix(leaderboard: Leaderboard) -> go.Figure:
    """Return how probably the row's model is truly better than the column's, given all battles.

    Args:
        leaderboard: a run's `board`.
    """
    models, cells = _cells(leaderboard)
    values = [[None if pair is None else pair.better for pair in row] for row in cells]
    texts = [["" if value is None else percent(value, 1) for value in row] for row in values]
    return _matrix(models, values, texts, title="P(row is better than column)")


def category_radar(leaderboard: Leaderboard) -> go.Figure:
    """Return every model's mean grades as a polygon over the categories.

    Args:
        leaderboard: a run's `board`.
    """
    categories = _categories(leaderboard)
    around = [*categories, *categories[:1]]
    figure = go.Figure(
        [
            go.Scatterpolar(
                name=row.model,
                theta=around,
                r=[row.score_by_category.get(category) for category in around],
                line={"color": COLORS[number % len(COLORS)]},
                hovertemplate="%{theta}: %{r:.2f}",
            )
            for number, row in enumerate(leaderboard.rows)
        ]
    )
    return figure.update_layout(template="plotly_white", title="Mean grade by category")


def scores_by_category(leaderboard: Leaderboard) -> go.Figure:
    """Return every model's mean grade in each category.

    Args:
        leaderboard: a run's `board`.
    """
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


def grade_spread(judgments: pd.DataFrame) -> go.Figure:
    """Return how often each model was given each grade.

    Args:
        judgments: a run's `judgments`.
    """
    graded = judgments[judgments["score"].notna()]
    figure = go.Figure(
        [
            go.Histogram(
                name=str(model),
                x=own["score"],
                xbins={"start": 0.5, "end": 10.5, "size": 1},
                marker={"color": COLORS[number % len(COLORS)]},
            )
            for number, (model, own) in enumerate(graded.groupby("model", sort=False))
        ]
    )
    return figure.update_layout(
        template="plotly_white", title="Grades given", xaxis_title="Grade", barmode="group"
    )


def grade_against_length(answers: pd.DataFrame, judgments: pd.DataFrame) -> go.Figure:
    """Return every graded reply's grade against its length.

    Args:
        answers: a run's `answers`.
        judgments: a run's `judgments`.
    """
    keys = ["question_id", "model", "sample", "turn"]
    graded = judgments[judgments["score"].notna()]
    both = graded.merge(answers[[*keys, "text"]], on=keys)
    figure = go.Figure(
        [
            go.Scatter(
                name=str(model),
                x=own["text"].str.len(),
                y=own["score"],
                mode="markers",
                marker={
                    "color": COLORS[number % len(COLORS)],
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "opacity": 0.6,
                },
                text=own["question_id"],
                hovertemplate="%{text}: %{y} for %{x} characters",
            )
            for number, (model, own) in enumerate(both.groupby("model", sort=False))
        ]
    )
    return figure.update_layout(
        template="plotly_white",
        title="Grade against length",
        xaxis_title="Characters",
        yaxis_title="Grade",
    )


def health_plot(health: pd.DataFrame) -> go.Figure:
    """Return a judge's rates with intervals and bounds.

    Args:
        health: a run's `health`, of one judge.
    """
    known = health[health["value"].notna()].iloc[::-1]
    figure = go.Figure(
        [
            go.Scatter(
                name="rate",
                x=known["value"],
                y=known["title"],
                mode="markers",
                marker={"color": COLORS[0], "size": 9},
                error_x={
                    "type": "data",
                    "array": known["high"] - known["value"],
                    "arrayminus": known["value"] - known["low"],
                },
            ),
            go.Scatter(
                name="bound",
                x=known["bound"],
                y=known["title"],
                mode="markers",
                marker={"color": COLORS[1], "symbol": "line-ns-open", "size": 14},
            ),
        ]
    )
    return figure.update_layout(
        template="plotly_white", title="The judge's rates and their bounds", height=620
    )


def rating_against_benchmark(leaderboard: Leaderboard, benchmark: str) -> go.Figure:
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
            marker={"color": COLORS[0], "size": 10},
            error_y={
                "type": "data",
                "array": [_distance(row.rating, row.rating_high) for row in rows],
                "arrayminus": [_distance(row.rating, row.rating_low) for row in rows],
            },
        )
    )
    return figure.update_layout(
        template="plotly_white",
        title=f"Rating against {benchmark}",
        xaxis_title=benchmark,
        yaxis_title="Rating",
    )


def _cells(leaderboard: Leaderboard) -> tuple[list[str], list[list[PairRow | None]]]:
    """Return the models and every pair from the row's side; None on the diagonal."""
    models = [row.model for row in leaderboard.rows]
    pairs = both_sides(leaderboard.pairs)
    return models, [[pairs.get((row, column)) for column in models] for row in models]


def _matrix(
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
            colorscale=LOSES_TO_WINS,
            zmin=0,
            zmax=1,
            showscale=False,
        )
    )
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(template="plotly_white", title=title)


def _distance(value: float | None, bound: float | None) -> float | None:
    return None if value is None or bound is None else abs(bound - value)


def _written(pair: PairRow) -> str:
    star = "*" if is_decided(pair) else ""
    return f"{percent(pair.win_rate)}{star}<br>{percent_span(pair.low, pair.high)}"


def _categories(leaderboard: Leaderboard) -> Sequence[str]:
    return list(dict.fromkeys(name for row in leaderboard.rows for name in row.score_by_category))
