"""How far the ranking depends on the way of counting: every model's ranks, and what changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.number_format import (
    ABSENT,
    format_count,
    format_list,
    format_number,
    format_quantity,
)
from evalharness.report.page.axes import Axis
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.analysis import RankRobustness, RankVariant
    from evalharness.report.page.page_data import PageData

PLACE = 35
TITLE = "How robust is this ranking?"
_MIN_RADIUS, _MAX_RADIUS = 3.0, 7.5
"""Radii in pixels: at 20 models on a phone, neighbours are 15 pixels apart."""
_MAX_TICKS = 10
_MAX_HORIZONTAL_NAMES = 5
"""With more models than this, their names stand upright above the table."""
_MAX_NAMED_VARIANTS = 6
_MAX_SHOWN_PAIRS = 10
_SHADES = 5
"""How many shades a move up or down has; the middle one is for no move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankDot:
    """One rank of a model: how many ways give it."""

    x: str
    radius: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankStrip:
    """A model's ranks on a line: the dots, the ranking's own rank, and its rank set."""

    model: str
    number: int
    at: str
    low: str | None
    high: str | None
    dots: tuple[_RankDot, ...]
    span: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankCell:
    """A rank in the table, with the shade of how far it is from the ranking's."""

    text: str
    shade: int
    is_moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _VariantRow:
    """A way of counting in the table."""

    group: str
    name: str
    tau: str
    changed: str
    separated: str
    is_trouble: bool
    cells: tuple[_RankCell, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReversedPair:
    """Two models that change places, in how many ways and which."""

    ahead: str
    behind: str
    ways: str
    which: str
    is_separated: bool


def render(facts: PageData) -> str:
    """Return the strips and the tables, or nothing where no ranking was counted in other ways."""
    found = facts.leaderboard.robustness
    if found is None:
        return ""
    scale = Axis(low=1, high=len(found.ranks), step=max(1, -(-len(found.ranks) // _MAX_TICKS)))
    return fill_template(
        "sections/ranking/robustness",
        level=facts.level,
        found=found,
        scale=scale,
        strips=[_make_strip(facts, found, model, scale) for model in found.ranks],
        lines=[_variant_row(found, each) for each in found.variants],
        changing=[
            _ReversedPair(
                ahead=pair.ahead,
                behind=pair.behind,
                ways=f"{len(ways)} of {len(found.counted)}",
                which=format_list([each.name for each in ways], most=_MAX_NAMED_VARIANTS),
                is_separated=pair.is_separated,
            )
            for pair, ways in found.reversed_in.items()
        ],
        most_pairs=_MAX_SHOWN_PAIRS,
        is_dense=len(found.ranks) > _MAX_HORIZONTAL_NAMES,
    )


def _make_strip(facts: PageData, found: RankRobustness, model: str, scale: Axis) -> _RankStrip:
    row = next(row for row in facts.leaderboard.rows if row.model == model)
    ways: dict[int, list[str]] = defaultdict(list)
    for each in found.counted:
        ways[each.ranks[model]].append(each.name)
    low, high = found.ranges[model]
    rank_set = ABSENT
    if row.rank_low is not None and row.rank_high is not None:
        rank_set = f"{row.rank_low} to {row.rank_high}"
    return _RankStrip(
        model=model,
        number=facts.number(model),
        at=scale.at(found.ranks[model]),
        low=None if row.rank_low is None else scale.at(row.rank_low),
        high=None if row.rank_high is None else scale.at(row.rank_high),
        dots=tuple(
            _RankDot(
                x=scale.at(rank),
                radius=_dot_radius(len(own) / len(found.counted)),
                told=f"{model}: rank {rank} in {len(own)} of {format_quantity(len(found.counted), 'way')}"
                f" ({format_list(own, most=_MAX_NAMED_VARIANTS)})",
            )
            for rank, own in sorted(ways.items())
        ),
        span=f"{low}" if low == high else f"{low} to {high}",
        told=f"{model}: rank {found.ranks[model]} in the ranking, whose rank set is {rank_set}",
    )


def _dot_radius(share: float) -> str:
    """Return a radius whose area grows with the share of the ways."""
    return f"{(_MIN_RADIUS**2 + (_MAX_RADIUS**2 - _MIN_RADIUS**2) * share) ** 0.5:.1f}"


def _variant_row(found: RankRobustness, each: RankVariant) -> _VariantRow:
    separated = sum(pair.is_separated for pair in each.reversals)
    has_ranks = bool(each.ranks)
    return _VariantRow(
        group=each.group,
        name=each.name,
        tau=format_number(each.tau, 2),
        changed=format_count(len(each.reversals) if has_ranks else None),
        separated=format_count(separated if has_ranks else None),
        is_trouble=separated > 0,
        cells=tuple(
            _rank_cell(each.ranks[model], rank, len(found.ranks))
            for model, rank in found.ranks.items()
            if has_ranks
        ),
        note=each.note,
    )


def _rank_cell(rank: int, main: int, models: int) -> _RankCell:
    move = main - rank
    depth = max(1, round(_SHADES * abs(move) / (models - 1))) if move else 0
    return _RankCell(
        text=str(rank), shade=_SHADES + (depth if move > 0 else -depth), is_moved=bool(move)
    )
