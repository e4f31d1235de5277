"""How far the ranking depends on the way of counting: every model's ranks, and what changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.numerals import ABSENT, count, counted, figure, listed
from evalharness.report.scales import Scale
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.leaderboard import Robustness, Variant
    from evalharness.report.facts import Facts

PLACE = 35
TITLE = "How robust is this ranking?"
_SMALLEST, _LARGEST = 3.0, 7.5
"""Radii in pixels: at 20 models on a phone, neighbours are 15 pixels apart."""
_TICKS = 10
_DENSE = 5
"""With more models than this, their names stand upright above the table."""
_MOST_WAYS = 6
_MOST_PAIRS = 10
_SHADES = 5
"""How many shades a move up or down has; the middle one is for no move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dot:
    """One rank of a model: how many ways give it."""

    x: str
    radius: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strip:
    """A model's ranks on a line: the dots, the ranking's own rank, and its rank set."""

    model: str
    number: int
    at: str
    low: str | None
    high: str | None
    dots: tuple[_Dot, ...]
    span: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A rank in the table, with the shade of how far it is from the ranking's."""

    text: str
    shade: int
    is_moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A way of counting in the table."""

    group: str
    name: str
    tau: str
    changed: str
    separated: str
    is_trouble: bool
    cells: tuple[_Cell, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changing:
    """Two models that change places, in how many ways and which."""

    ahead: str
    behind: str
    ways: str
    which: str
    is_separated: bool


def render(facts: Facts) -> str:
    """Return the strips and the tables, or nothing where no ranking was counted in other ways."""
    found = facts.leaderboard.robustness
    if found is None:
        return ""
    scale = Scale(low=1, high=len(found.ranks), step=max(1, -(-len(found.ranks) // _TICKS)))
    return fill(
        "sections/robustness",
        level=facts.level,
        found=found,
        scale=scale,
        strips=[_strip(facts, found, model, scale) for model in found.ranks],
        lines=[_line(found, each) for each in found.variants],
        changing=[
            _Changing(
                ahead=pair.ahead,
                behind=pair.behind,
                ways=f"{len(ways)} of {len(found.counted)}",
                which=listed([each.name for each in ways], most=_MOST_WAYS),
                is_separated=pair.is_separated,
            )
            for pair, ways in found.reversed_in.items()
        ],
        most_pairs=_MOST_PAIRS,
        is_dense=len(found.ranks) > _DENSE,
    )


def _strip(facts: Facts, found: Robustness, model: str, scale: Scale) -> _Strip:
    row = next(row for row in facts.leaderboard.rows if row.model == model)
    ways: dict[int, list[str]] = defaultdict(list)
    for each in found.counted:
        ways[each.ranks[model]].append(each.name)
    low, high = found.ranges[model]
    rank_set = ABSENT
    if row.rank_low is not None and row.rank_high is not None:
        rank_set = f"{row.rank_low} to {row.rank_high}"
    return _Strip(
        model=model,
        number=facts.number(model),
        at=scale.at(found.ranks[model]),
        low=None if row.rank_low is None else scale.at(row.rank_low),
        high=None if row.rank_high is None else scale.at(row.rank_high),
        dots=tuple(
            _Dot(
                x=scale.at(rank),
                radius=_radius(len(own) / len(found.counted)),
                told=f"{model}: rank {rank} in {len(own)} of {counted(len(found.counted), 'way')}"
                f" ({listed(own, most=_MOST_WAYS)})",
            )
            for rank, own in sorted(ways.items())
        ),
        span=f"{low}" if low == high else f"{low} to {high}",
        told=f"{model}: rank {found.ranks[model]} in the ranking, whose rank set is {rank_set}",
    )


def _radius(share: float) -> str:
    """Return a radius whose area grows with the share of the ways."""
    return f"{(_SMALLEST**2 + (_LARGEST**2 - _SMALLEST**2) * share) ** 0.5:.1f}"


def _line(found: Robustness, each: Variant) -> _Line:
    separated = sum(pair.is_separated for pair in each.reversals)
    has_ranks = bool(each.ranks)
    return _Line(
        group=each.group,
        name=each.name,
        tau=figure(each.tau, 2),
        changed=count(len(each.reversals) if has_ranks else None),
        separated=count(separated if has_ranks else None),
        is_trouble=separated > 0,
        cells=tuple(
            _cell(each.ranks[model], rank, len(found.ranks))
            for model, rank in found.ranks.items()
            if has_ranks
        ),
        note=each.note,
    )


def _cell(rank: int, main: int, models: int) -> _Cell:
    move = main - rank
    depth = max(1, round(_SHADES * abs(move) / (models - 1))) if move else 0
    return _Cell(
        text=str(rank), shade=_SHADES + (depth if move > 0 else -depth), is_moved=bool(move)
    )
