"""What each judge of a panel is worth, how far they agree, and what the table owes to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.domain import PanelRule
from evalharness.report.numerals import ABSENT, count, figure, span
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from evalharness.leaderboard import JudgeRow, PanelAgreement, PanelSummary
    from evalharness.report.facts import Facts

PLACE = 56
TITLE = "The panel"
_DIGITS = 2
_STANDINGS = {
    "discriminates": "tells models apart",
    "uninformative": "may be tossing coins",
    "prefers_the_worse": "prefers the worse",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A row of text."""

    name: str
    cells: tuple[str, ...]


def render(facts: Facts) -> str:
    """Return the panel's judges, or nothing where a single judge judged."""
    panel = facts.leaderboard.panel
    if panel is None:
        return ""
    return fill(
        "sections/panel",
        level=facts.level,
        is_weighed=panel.rule == PanelRule.RATER,
        headings=("Grades", "Severity", "Noise", "Battles", "Discrimination", "Standing"),
        judges=[_Line(name=row.judge, cells=_worth(row)) for row in panel.judges],
        agreements=[
            _Line(name=name, cells=_agreement(found))
            for name, found in (
                ("grades", panel.grade_agreement),
                ("verdicts", panel.verdict_agreement),
            )
            if found is not None
        ],
        left_out=[row.judge for row in panel.judges],
        models=_without(facts, panel),
        remarks=panel.remarks,
    )


def _worth(row: JudgeRow) -> tuple[str, ...]:
    return (
        count(row.grades),
        _with_span(row.severity, row.severity_low, row.severity_high),
        figure(row.noise, _DIGITS),
        count(row.battles),
        _with_span(row.discrimination, row.discrimination_low, row.discrimination_high),
        _STANDINGS.get(row.standing or "", ABSENT),
    )


def _agreement(found: PanelAgreement) -> tuple[str, ...]:
    return (_with_span(found.alpha, found.low, found.high), count(found.units))


def _without(facts: Facts, panel: PanelSummary) -> list[_Line]:
    """Return each model's rank with all judges, then without each; its rating or score beside."""
    return [
        _Line(
            name=row.model,
            cells=(
                _place(row.rank, row.rating, row.score),
                *(
                    _place(
                        judge.ranks_without.get(row.model),
                        judge.ratings_without.get(row.model),
                        judge.scores_without.get(row.model),
                    )
                    for judge in panel.judges
                ),
            ),
        )
        for row in facts.leaderboard.rows
    ]


def _place(rank: int | None, rating: float | None, score: float | None) -> str:
    if rank is None:
        return ABSENT
    return f"{rank} ({figure(rating) if rating is not None else figure(score, _DIGITS)})"


def _with_span(value: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return figure(value, _DIGITS)
    return f"{figure(value, _DIGITS)} ({span(low, high, _DIGITS)})"
