"""Model against model: all ratings on one axis, and every pair's win rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.intervals import RATING, interval
from evalharness.report.numerals import counted, percent, percent_span
from evalharness.report.pairs import both_sides, is_decided
from evalharness.report.scales import scale_over
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.leaderboard import LeaderboardRow, PairRow
    from evalharness.report.facts import Facts

PLACE = 30
TITLE = "Model against model"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """The win rate of the row's model against the column's; `shade` runs from 0 (loses) to 10."""

    text: str
    span: str
    shade: int
    is_significant: bool
    detail: str


def render(facts: Facts) -> str:
    """Return ratings and pairs, or nothing when nobody was compared."""
    rated = [row for row in facts.leaderboard.rows if row.rating is not None]
    if not rated and not facts.leaderboard.pairs:
        return ""
    names = [row.model for row in facts.leaderboard.rows]
    pairs = both_sides(facts.leaderboard.pairs)
    scale = scale_over(
        value for row in rated for value in (row.rating, row.rating_low, row.rating_high)
    )
    return fill(
        "sections/comparisons",
        facts=facts,
        scale=scale,
        ratings=[(row.model, interval(_bounds(row), RATING, scale)) for row in rated],
        compared=[name for name in names if any(name in pair for pair in pairs)],
        cells={models: _cell(pair) for models, pair in pairs.items()},
    )


def _bounds(row: LeaderboardRow) -> tuple[float | None, float | None, float | None]:
    return row.rating, row.rating_low, row.rating_high


def _cell(pair: PairRow) -> _Cell:
    between = percent_span(pair.low, pair.high)
    return _Cell(
        text=percent(pair.win_rate),
        span=between,
        shade=round(10 * pair.win_rate),
        is_significant=is_decided(pair),
        detail=(
            f"{pair.model_a} against {pair.model_b}: {percent(pair.win_rate, 1)} ({between}), "
            f"{counted(pair.wins, 'win')}, {pair.losses} lost, {counted(pair.ties, 'tie')}"
        ),
    )
