"""Show the agreement of people with the judge, and the table corrected by their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis import CORRECTED_KINDS, PANEL
from evalharness.report.number_format import format_number
from evalharness.report.page.axes import Axis, fit_axis
from evalharness.report.page.interval_marks import (
    RATING_FORMAT,
    SCORE_FORMAT,
    SHARE_FORMAT,
    PlacedInterval,
    place_interval,
)
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template
from evalharness.stats import measure_human_agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import CorrectedFigure, CorrectedRow, CorrectedTable
    from evalharness.report.page.page_data import PageData

_BOOTSTRAP_SEED = 0  # of the bootstrap intervals: the same run makes the same page
_FORMAT_BY_KIND = {"rating": RATING_FORMAT, "win_rate": SHARE_FORMAT, "score": SCORE_FORMAT}
_HEADING_BY_KIND = {"rating": "Rating", "win_rate": "Win rate", "score": "Score"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _CorrectedCell:
    """The corrected figure of a model, and the judge's figure on the same axis."""

    people: PlacedInterval
    judge: PlacedInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class _CorrectedTableRow:
    name: str
    number: int
    rank: str
    ranks: str
    cells: tuple[_CorrectedCell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _CorrectedTableView:
    """A corrected table; `scales` and the cells of a row are in the order of `headings`."""

    table: CorrectedTable
    headings: tuple[str, ...]
    scales: tuple[Axis | None, ...]
    rows: tuple[_CorrectedTableRow, ...]


def render_human_labels(data: PageData) -> str:
    """Return agreement and corrected tables, or nothing without labels of people."""
    agreements = measure_human_agreement(data.battles, np.random.default_rng(_BOOTSTRAP_SEED))
    boards = [_make_table_view(data, table) for table in data.leaderboard.corrected]
    if not (agreements or boards):
        return ""
    return fill_template(
        "sections/trust/human_labels",
        level=data.level,
        agreements=agreements,
        boards=boards,
        headings=_HEADING_BY_KIND,
        panel=PANEL,
    )


def _make_table_view(data: PageData, table: CorrectedTable) -> _CorrectedTableView:
    kinds = [kind for kind in CORRECTED_KINDS if any(getattr(row, kind) for row in table.rows)]
    scales = {kind: _fit_figure_axis([getattr(row, kind) for row in table.rows]) for kind in kinds}
    return _CorrectedTableView(
        table=table,
        headings=tuple(_HEADING_BY_KIND[kind] for kind in kinds),
        scales=tuple(scales.values()),
        rows=tuple(
            _CorrectedTableRow(
                name=row.model,
                number=data.model_number(row.model),
                rank=format_number(row.rank),
                ranks=_format_rank_set(row),
                cells=tuple(
                    _corrected_cell(getattr(row, kind), kind, scales[kind]) for kind in kinds
                ),
            )
            for row in table.rows
        ),
    )


def _fit_figure_axis(figures: Sequence[CorrectedFigure | None]) -> Axis | None:
    return fit_axis(
        value
        for each in figures
        if each is not None
        for value in (each.low, each.high, each.value, each.judge, each.judge_low, each.judge_high)
    )


def _corrected_cell(
    found: CorrectedFigure | None, kind: str, scale: Axis | None
) -> _CorrectedCell | None:
    if found is None:
        return None
    return _CorrectedCell(
        people=place_interval((found.value, found.low, found.high), _FORMAT_BY_KIND[kind], scale),
        judge=place_interval(
            (found.judge, found.judge_low, found.judge_high), _FORMAT_BY_KIND[kind], scale
        ),
    )


def _format_rank_set(row: CorrectedRow) -> str:
    if row.rank_low is None:
        return ""
    return (
        f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low} to {row.rank_high}"
    )


SECTION = Section(
    address="people", place=53, title="People and the judge", render=render_human_labels
)
