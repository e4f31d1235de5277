"""People's labels against the judge's: how far they agree, and the table corrected by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.leaderboard import KINDS
from evalharness.panels import PANEL
from evalharness.report.intervals import RATING, SCORE, SHARE, Interval, interval
from evalharness.report.numerals import figure
from evalharness.report.scales import Scale, scale_over
from evalharness.report.templates import fill
from evalharness.stats.people import human_agreements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.leaderboard import CorrectedFigure, CorrectedRow, CorrectedTable
    from evalharness.report.facts import Facts

PLACE = 53
TITLE = "People and the judge"
_SEED = 0  # of the intervals' bootstrap: the same run makes the same page
_WRITING = {"rating": RATING, "win_rate": SHARE, "score": SCORE}
_HEADINGS = {"rating": "Rating", "win_rate": "Win rate", "score": "Score"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A model's corrected figure, and the judge's own on the same scale."""

    people: Interval
    judge: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    number: int
    rank: str
    ranks: str
    cells: tuple[_Cell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Board:
    """A corrected table: `scales` and a row's cells follow `headings`."""

    table: CorrectedTable
    headings: tuple[str, ...]
    scales: tuple[Scale | None, ...]
    rows: tuple[_Row, ...]


def render(facts: Facts) -> str:
    """Return agreement and corrected tables, or nothing when no person labelled anything."""
    agreements = human_agreements(facts.battles, np.random.default_rng(_SEED))
    boards = [_board(facts, table) for table in facts.leaderboard.corrected]
    if not (agreements or boards):
        return ""
    return fill(
        "sections/people",
        level=facts.level,
        agreements=agreements,
        boards=boards,
        headings=_HEADINGS,
        panel=PANEL,
    )


def _board(facts: Facts, table: CorrectedTable) -> _Board:
    kinds = [kind for kind in KINDS if any(getattr(row, kind) for row in table.rows)]
    scales = {kind: _scale([getattr(row, kind) for row in table.rows]) for kind in kinds}
    return _Board(
        table=table,
        headings=tuple(_HEADINGS[kind] for kind in kinds),
        scales=tuple(scales.values()),
        rows=tuple(
            _Row(
                name=row.model,
                number=facts.number(row.model),
                rank=figure(row.rank),
                ranks=_ranks(row),
                cells=tuple(_cell(getattr(row, kind), kind, scales[kind]) for kind in kinds),
            )
            for row in table.rows
        ),
    )


def _scale(figures: Sequence[CorrectedFigure | None]) -> Scale | None:
    return scale_over(
        value
        for each in figures
        if each is not None
        for value in (each.low, each.high, each.value, each.judge, each.judge_low, each.judge_high)
    )


def _cell(found: CorrectedFigure | None, kind: str, scale: Scale | None) -> _Cell | None:
    if found is None:
        return None
    return _Cell(
        people=interval((found.value, found.low, found.high), _WRITING[kind], scale),
        judge=interval((found.judge, found.judge_low, found.judge_high), _WRITING[kind], scale),
    )


def _ranks(row: CorrectedRow) -> str:
    if row.rank_low is None:
        return ""
    return (
        f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low} to {row.rank_high}"
    )
