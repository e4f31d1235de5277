"""Show the judges of a panel: their reliability, their agreement, and the table without each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.domain import PanelRule
from evalharness.report.number_format import (
    ABSENT,
    format_count,
    format_number,
    format_rank,
    format_span,
)
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.analysis import JudgeRow, PanelAgreement, PanelSummary
    from evalharness.report.page.page_data import PageData

_DIGITS = 2
_STANDING_TEXT = {
    "discriminates": "tells models apart",
    "uninformative": "may be tossing coins",
    "prefers_the_worse": "prefers the worse",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _PanelRow:
    """A row of text."""

    name: str
    cells: tuple[str, ...]


def render_panel(data: PageData) -> str:
    """Return the judges of the panel, or nothing with a single judge."""
    panel = data.leaderboard.panel
    if panel is None:
        return ""
    return fill_template(
        "sections/trust/panel",
        level=data.level,
        is_weighed=panel.rule == PanelRule.RATER,
        headings=("Grades", "Severity", "Noise", "Battles", "Discrimination", "Standing"),
        judges=[_PanelRow(name=row.judge, cells=_judge_cells(row)) for row in panel.judges],
        agreements=[
            _PanelRow(name=name, cells=_agreement_cells(found))
            for name, found in (
                ("grades", panel.grade_agreement),
                ("verdicts", panel.verdict_agreement),
            )
            if found is not None
        ],
        left_out=[row.judge for row in panel.judges],
        models=_ranks_without_each_judge(data, panel),
    )


def _judge_cells(row: JudgeRow) -> tuple[str, ...]:
    return (
        format_count(row.grades),
        _format_with_span(row.severity, row.severity_low, row.severity_high),
        format_number(row.noise, _DIGITS),
        format_count(row.battles),
        _format_with_span(row.discrimination, row.discrimination_low, row.discrimination_high),
        _STANDING_TEXT.get(row.standing or "", ABSENT),
    )


def _agreement_cells(found: PanelAgreement) -> tuple[str, ...]:
    return (_format_with_span(found.alpha, found.low, found.high), format_count(found.units))


def _ranks_without_each_judge(data: PageData, panel: PanelSummary) -> list[_PanelRow]:
    """Return the rank and figure of each model with all judges, then without each judge."""
    return [
        _PanelRow(
            name=row.model,
            cells=(
                format_rank(row.rank, row.rating, row.score),
                *(
                    format_rank(
                        judge.ranks_without.get(row.model),
                        judge.ratings_without.get(row.model),
                        judge.scores_without.get(row.model),
                    )
                    for judge in panel.judges
                ),
            ),
        )
        for row in data.leaderboard.rows
    ]


def _format_with_span(value: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return format_number(value, _DIGITS)
    return f"{format_number(value, _DIGITS)} ({format_span(low, high, _DIGITS)})"


SECTION = Section(address="panel", place=56, title="The panel", render=render_panel)
