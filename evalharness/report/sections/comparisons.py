"""Model against model: all ratings on one axis, and every pair's win rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.intervals import RATING, interval
from evalharness.report.numerals import counted, percent, percent_span
from evalharness.report.pairs import EVEN, both_sides, is_decided
from evalharness.report.scales import scale_over
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.leaderboard import LeaderboardRow, PairRow
    from evalharness.report.facts import Facts

PLACE = 30
TITLE = "Model against model"


MOST_ROOMY = 8
"""With more models than this, intervals are told when a cell is pointed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """How the row's model fares against the column's; `shade` runs from 0 (loses) to 10."""

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
        compared=(compared := [name for name in names if any(name in pair for pair in pairs)]),
        is_dense=len(compared) > MOST_ROOMY,
        cells={models: _cell(pair) for models, pair in pairs.items()},
        betters={
            models: _better(pair, 1 - facts.leaderboard.level)
            for models, pair in pairs.items()
            if pair.better is not None
        },
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


def _better(pair: PairRow, doubt: float) -> _Cell:
    """Return how probably the row's model is truly better; decided where either tail is small."""
    better = pair.better or 0.0
    text = percent(better)
    if better not in (0.0, 1.0) and text in {"0%", "100%"}:
        text = "<1%" if better < EVEN else ">99%"
    return _Cell(
        text=text,
        span="",
        shade=round(10 * better),
        is_significant=min(better, 1 - better) < doubt / 2,
        detail=f"{pair.model_a} is better than {pair.model_b} with probability {text}",
    )
