"""Show how far the ranking depends on the analysis: ranks of every model, and changed pairs."""

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
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.analysis import RankRobustness, RankVariant
    from evalharness.report.page.page_data import PageData

_MIN_RADIUS, _MAX_RADIUS = 3.0, 7.5
"""Radii in pixels: with 20 models on a phone, neighbors are 15 pixels apart."""
_MAX_TICKS = 10
_MAX_HORIZONTAL_NAMES = 5
"""With more models than this, the headings of the table are vertical."""
_MAX_NAMED_VARIANTS = 6
_MAX_SHOWN_PAIRS = 10
_SHADES = 5
"""The number of shades for a move up, and for a move down; the middle shade is no move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankDot:
    """One rank of a model; the area grows with the number of analyses that give it."""

    x: str
    radius: str
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankStrip:
    """The ranks of a model on a line: dots, the rank in the ranking, and the rank set."""

    model: str
    number: int
    x: str
    low: str | None
    high: str | None
    dots: tuple[_RankDot, ...]
    span: str
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankCell:
    """A rank in the table, shaded by its distance from the rank in the ranking."""

    text: str
    shade: int
    is_moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _VariantRow:
    """An alternative analysis in the table."""

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
    """Two models that change places, and the analyses that reverse them."""

    ahead: str
    behind: str
    variant_count: str
    variant_names: str
    is_separated: bool


def render_robustness(data: PageData) -> str:
    """Return the strips and the tables, or nothing without alternative analyses."""
    robustness = data.leaderboard.robustness
    if robustness is None:
        return ""
    scale = Axis(
        low=1, high=len(robustness.ranks), step=max(1, -(-len(robustness.ranks) // _MAX_TICKS))
    )
    return fill_template(
        "sections/ranking/robustness",
        level=data.level,
        robustness=robustness,
        scale=scale,
        strips=[_make_strip(data, robustness, model, scale) for model in robustness.ranks],
        lines=[_variant_row(robustness, variant) for variant in robustness.variants],
        changing=[
            _ReversedPair(
                ahead=pair.ahead,
                behind=pair.behind,
                variant_count=f"{len(variants)} of {len(robustness.counted)}",
                variant_names=format_list(
                    [variant.name for variant in variants], most=_MAX_NAMED_VARIANTS
                ),
                is_separated=pair.is_separated,
            )
            for pair, variants in robustness.reversed_in.items()
        ],
        most_pairs=_MAX_SHOWN_PAIRS,
        is_dense=len(robustness.ranks) > _MAX_HORIZONTAL_NAMES,
    )


def _make_strip(data: PageData, robustness: RankRobustness, model: str, scale: Axis) -> _RankStrip:
    row = next(row for row in data.leaderboard.rows if row.model == model)
    names_by_rank: dict[int, list[str]] = defaultdict(list)
    for variant in robustness.counted:
        names_by_rank[variant.ranks[model]].append(variant.name)
    low, high = robustness.ranges[model]
    rank_set = ABSENT
    if row.rank_low is not None and row.rank_high is not None:
        rank_set = f"{row.rank_low} to {row.rank_high}"
    return _RankStrip(
        model=model,
        number=data.model_number(model),
        x=scale.x_percent(robustness.ranks[model]),
        low=None if row.rank_low is None else scale.x_percent(row.rank_low),
        high=None if row.rank_high is None else scale.x_percent(row.rank_high),
        dots=tuple(
            _RankDot(
                x=scale.x_percent(rank),
                radius=_dot_radius(len(names) / len(robustness.counted)),
                tooltip=f"{model}: rank {rank} in {len(names)} of {format_quantity(len(robustness.counted), 'way')}"
                f" ({format_list(names, most=_MAX_NAMED_VARIANTS)})",
            )
            for rank, names in sorted(names_by_rank.items())
        ),
        span=f"{low}" if low == high else f"{low} to {high}",
        tooltip=f"{model}: rank {robustness.ranks[model]} in the ranking, whose rank set is {rank_set}",
    )


def _dot_radius(share: float) -> str:
    """Return a radius whose area grows with the share of the analyses."""
    return f"{(_MIN_RADIUS**2 + (_MAX_RADIUS**2 - _MIN_RADIUS**2) * share) ** 0.5:.1f}"


def _variant_row(robustness: RankRobustness, variant: RankVariant) -> _VariantRow:
    separated = sum(pair.is_separated for pair in variant.reversals)
    has_ranks = bool(variant.ranks)
    return _VariantRow(
        group=variant.group,
        name=variant.name,
        tau=format_number(variant.tau, 2),
        changed=format_count(len(variant.reversals) if has_ranks else None),
        separated=format_count(separated if has_ranks else None),
        is_trouble=separated > 0,
        cells=tuple(
            _rank_cell(variant.ranks[model], rank, len(robustness.ranks))
            for model, rank in robustness.ranks.items()
            if has_ranks
        ),
        note=variant.note,
    )


def _rank_cell(rank: int, main: int, models: int) -> _RankCell:
    move = main - rank
    depth = max(1, round(_SHADES * abs(move) / (models - 1))) if move else 0
    return _RankCell(
        text=str(rank), shade=_SHADES + (depth if move > 0 else -depth), is_moved=bool(move)
    )


SECTION = Section(
    address="robustness", place=35, title="How robust is this ranking?", render=render_robustness
)
