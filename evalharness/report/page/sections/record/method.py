"""How each figure was computed, in two sentences with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.report.page.templates import fill_template
from evalharness.stats import find_rating_model

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

PLACE = 80
TITLE = "Method"


def render(facts: PageData) -> str:
    """Return the statistics that this run shows."""
    rows = facts.leaderboard.rows
    return fill_template(
        "sections/record/method",
        level=facts.level,
        method=facts.leaderboard.method,
        rating=find_rating_model(facts.leaderboard.rating),
        parameters=[each for each in facts.leaderboard.rating_parameters if each.value is not None],
        has_games=bool(facts.records.games or facts.battles),
        has_both_orders=bool(facts.records.games or not facts.records.votes),
        has_votes=bool(facts.records.votes),
        has_ratings=any(row.rating is not None for row in rows),
        has_ranks=any(row.rank_low is not None for row in rows),
        has_elo=any(row.elo is not None for row in rows),
        has_corrected=any(found.rows for found in facts.leaderboard.corrected),
        has_better=any(pair.better is not None for pair in facts.leaderboard.pairs),
        has_scores=any(row.score is not None for row in rows),
        has_length_control=any(row.length_controlled_win_rate is not None for row in rows),
    )
