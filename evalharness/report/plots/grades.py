"""Plot grades by category, by frequency and by length as plotly figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from evalharness.report.page.axes import RADAR_GRADES
from evalharness.report.plots.style import MODEL_COLORS, MODEL_SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from evalharness.analysis import Leaderboard


def plot_category_radar(leaderboard: Leaderboard) -> go.Figure:
    """Return every model's mean grades as a polygon over the categories, on the scale of grades.

    Args:
        leaderboard: a run's `board`.
    """
    categories = _category_names(leaderboard)
    around = [*categories, *categories[:1]]
    figure = go.Figure(
        [
            go.Scatterpolar(
                name=row.model,
                theta=around,
                r=[row.score_by_category.get(category) for category in around],
                line={"color": MODEL_COLORS[number % len(MODEL_COLORS)]},
                hovertemplate="%{theta}: %{r:.2f}",
            )
            for number, row in enumerate(leaderboard.rows)
        ]
    )
    return figure.update_layout(
        template="plotly_white",
        title="Mean grade by category",
        polar={
            "radialaxis": {
                "range": [RADAR_GRADES[0], RADAR_GRADES[-1]],
                "tickvals": list(RADAR_GRADES),
            }
        },
    )


def plot_category_scores(leaderboard: Leaderboard) -> go.Figure:
    """Return every model's mean grade in each category.

    Args:
        leaderboard: a run's `board`.
    """
    categories = _category_names(leaderboard)
    figure = go.Figure(
        [
            go.Scatter(
                name=row.model,
                x=[row.score_by_category.get(category) for category in categories],
                y=categories,
                mode="markers",
                marker={
                    "color": MODEL_COLORS[number % len(MODEL_COLORS)],
                    "symbol": MODEL_SYMBOLS[number % len(MODEL_SYMBOLS)]
                    + ("-open" if number // len(MODEL_SYMBOLS) % 2 else ""),
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


def plot_grade_counts(judgments: pd.DataFrame) -> go.Figure:
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
                marker={"color": MODEL_COLORS[number % len(MODEL_COLORS)]},
            )
            for number, (model, own) in enumerate(graded.groupby("model", sort=False))
        ]
    )
    return figure.update_layout(
        template="plotly_white", title="Grades given", xaxis_title="Grade", barmode="group"
    )


def plot_grade_against_length(answers: pd.DataFrame, judgments: pd.DataFrame) -> go.Figure:
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
                    "color": MODEL_COLORS[number % len(MODEL_COLORS)],
                    "symbol": MODEL_SYMBOLS[number % len(MODEL_SYMBOLS)],
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


def _category_names(leaderboard: Leaderboard) -> Sequence[str]:
    return list(dict.fromkeys(name for row in leaderboard.rows for name in row.score_by_category))
