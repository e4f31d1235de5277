"""Show the habits of each judge: position bias, distribution of grades, and repaired replies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.judge import PositionCounts, count_positions
from evalharness.report.number_format import format_percent
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShareBar:
    """A share of a whole, drawn as a bar."""

    label: str
    count: int
    total: int

    @property
    def width(self) -> str:
        """The bar's width."""
        return f"{100 * self.count / self.total:.2f}%"

    @property
    def text(self) -> str:
        """The share as a percentage."""
        return format_percent(self.count / self.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgeHabits:
    """The habits of one judge.

    Attributes:
        judge: its name.
        judged: the number of its judgments.
        repaired: how many of them were requested twice, with or without a decision at the end.
        swaps: the number of pairs for each effect of swapping the answers; empty without games.
        grades: the number of grades of each value; empty without grades.
    """

    judge: str
    judged: int
    repaired: int
    swaps: tuple[_ShareBar, ...]
    grades: tuple[_ShareBar, ...]


def render_judge_habits(data: PageData) -> str:
    """Return the habits of every judge, or nothing without judgments."""
    habits = [_judge_habits(data, judge) for judge in data.judges]
    shown = [each for each in habits if each.swaps or each.grades or each.repaired]
    return fill_template("sections/trust/judge_habits", all_habits=shown) if shown else ""


def _judge_habits(data: PageData, judge: str) -> _JudgeHabits:
    own = [judgment for judgment in data.records.judgments if judgment.judge == judge]
    return _JudgeHabits(
        judge=judge,
        judged=len(own),
        repaired=sum(judgment.repaired for judgment in own),
        swaps=_position_bars(
            count_positions(game for game in data.records.games if game.judge == judge)
        ),
        grades=_grade_bars(
            [grade.score for grade in data.records.graded if grade.judge == judge],
        ),
    )


def _position_bars(counted: PositionCounts) -> tuple[_ShareBar, ...]:
    parts = {
        "same in both orders": counted.consistent,
        "first shown, twice": counted.first,
        "second shown, twice": counted.second,
        "a tie in one order": counted.half_tie,
    }
    total = sum(parts.values())
    return (
        tuple(_ShareBar(label=k, count=v, total=total) for k, v in parts.items()) if total else ()
    )


def _grade_bars(scores: list[float | None]) -> tuple[_ShareBar, ...]:
    """Return the share of each whole grade; other grades are rounded."""
    rounded = Counter(round(score) for score in scores if score is not None)
    total = rounded.total()
    return tuple(
        _ShareBar(label=str(grade), count=rounded[grade], total=total)
        for grade in (range(1, 11) if total else ())
    )


SECTION = Section(address="judging", place=55, title="The judge", render=render_judge_habits)
