"""Show models in pairs: all ratings on one axis, and the win rate of every pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.number_format import format_percent, format_percent_span, format_quantity
from evalharness.report.page.axes import fit_axis
from evalharness.report.page.interval_marks import RATING_FORMAT, place_interval
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template
from evalharness.report.pair_sides import EVEN_WIN_RATE, index_pairs_both_ways, is_decided_pair

if TYPE_CHECKING:
    from evalharness.analysis import LeaderboardRow, ModelPairRow
    from evalharness.report.page.page_data import PageData


MAX_ROOMY_MODELS = 8
"""With more models than this, a cell shows its interval on hover only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _PairCell:
    """The result of the row's model against the column's; `shade` is 0 (loses) to 10 (wins)."""

    text: str
    span: str
    shade: int
    is_significant: bool
    detail: str


def render_model_pairs(data: PageData) -> str:
    """Return ratings and pairs, or nothing without battles."""
    rated = [row for row in data.leaderboard.rows if row.rating is not None]
    if not rated and not data.leaderboard.pairs:
        return ""
    names = [row.model for row in data.leaderboard.rows]
    pairs = index_pairs_both_ways(data.leaderboard.pairs)
    scale = fit_axis(
        value for row in rated for value in (row.rating, row.rating_low, row.rating_high)
    )
    return fill_template(
        "sections/ranking/model_pairs",
        data=data,
        scale=scale,
        ratings=[
            (row.model, place_interval(_rating_bounds(row), RATING_FORMAT, scale)) for row in rated
        ],
        compared=(compared := [name for name in names if any(name in pair for pair in pairs)]),
        is_dense=len(compared) > MAX_ROOMY_MODELS,
        cells={models: _win_rate_cell(pair) for models, pair in pairs.items()},
        betters={
            models: _better_cell(pair, 1 - data.leaderboard.level)
            for models, pair in pairs.items()
            if pair.better is not None
        },
    )


def _rating_bounds(row: LeaderboardRow) -> tuple[float | None, float | None, float | None]:
    return row.rating, row.rating_low, row.rating_high


def _win_rate_cell(pair: ModelPairRow) -> _PairCell:
    span = format_percent_span(pair.low, pair.high)
    return _PairCell(
        text=format_percent(pair.win_rate),
        span=span,
        shade=round(10 * pair.win_rate),
        is_significant=is_decided_pair(pair),
        detail=(
            f"{pair.model_a} against {pair.model_b}: {format_percent(pair.win_rate, 1)} ({span}), "
            f"{format_quantity(pair.wins, 'win')}, {pair.losses} lost, {format_quantity(pair.ties, 'tie')}"
        ),
    )


def _better_cell(pair: ModelPairRow, alpha: float) -> _PairCell:
    """Return the probability that the row's model is better; bold if either tail is small."""
    better = pair.better or 0.0
    text = format_percent(better)
    if better not in (0.0, 1.0) and text in {"0%", "100%"}:
        text = "<1%" if better < EVEN_WIN_RATE else ">99%"
    return _PairCell(
        text=text,
        span="",
        shade=round(10 * better),
        is_significant=min(better, 1 - better) < alpha / 2,
        detail=f"{pair.model_a} is better than {pair.model_b} with probability {text}",
    )


SECTION = Section(
    address="comparisons", place=30, title="Model against model", render=render_model_pairs
)
