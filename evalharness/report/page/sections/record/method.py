"""Explain how each figure was computed, with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template
from evalharness.stats import find_rating_model

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


def render_method(data: PageData) -> str:
    """Return the explanations of the figures that this run has."""
    rows = data.leaderboard.rows
    return fill_template(
        "sections/record/method",
        level=data.level,
        method=data.leaderboard.method,
        rating=find_rating_model(data.leaderboard.rating),
        parameters=[each for each in data.leaderboard.rating_parameters if each.value is not None],
        has_games=bool(data.records.games or data.battles),
        has_both_orders=bool(data.records.games or not data.records.votes),
        has_votes=bool(data.records.votes),
        has_ratings=any(row.rating is not None for row in rows),
        has_ranks=any(row.rank_low is not None for row in rows),
        has_elo=any(row.elo is not None for row in rows),
        has_corrected=any(found.rows for found in data.leaderboard.corrected),
        has_better=any(pair.better is not None for pair in data.leaderboard.pairs),
        has_scores=any(row.score is not None for row in rows),
        has_length_control=any(row.length_controlled_win_rate is not None for row in rows),
    )


SECTION = Section(address="method", place=80, title="Method", render=render_method)
