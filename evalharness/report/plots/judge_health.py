"""Plot the rates of a judge's audit as a plotly figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from evalharness.report.plots.style import MODEL_COLORS

if TYPE_CHECKING:
    import pandas as pd


def plot_judge_health(health: pd.DataFrame) -> go.Figure:
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
                marker={"color": MODEL_COLORS[0], "size": 9},
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
                marker={"color": MODEL_COLORS[1], "symbol": "line-ns-open", "size": 14},
            ),
        ]
    )
    return figure.update_layout(
        template="plotly_white", title="The judge's rates and their bounds", height=620
    )
