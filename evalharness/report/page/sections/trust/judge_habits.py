"""How each judge behaved: whether places swayed it, which grades it gives, what needed a repair."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.judge import PositionCounts, count_positions
from evalharness.report.number_format import format_percent
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from evalharness.report.page.page_data import PageData

ADDRESS = "judging"
PLACE = 55
TITLE = "The judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShareBar:
    """A part of a whole, drawn as a bar of that width."""

    label: str
    count: int
    of: int

    @property
    def width(self) -> str:
        """The bar's width."""
        return f"{100 * self.count / self.of:.2f}%"

    @property
    def text(self) -> str:
        """The share as a percentage."""
        return format_percent(self.count / self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgeHabits:
    """What one judge's judgments show of it; empty where it made none of that kind.

    `repaired` of the `judged` were asked for twice, with a decision in the end or without one.
    """

    judge: str
    judged: int
    repaired: int
    swaps: tuple[_ShareBar, ...]
    grades: tuple[_ShareBar, ...]


def render(facts: PageData) -> str:
    """Return every judge's conduct, or nothing when nothing was judged."""
    conducts = [_judge_habits(facts, judge) for judge in facts.judges]
    told = [each for each in conducts if each.swaps or each.grades or each.repaired]
    return fill_template("sections/trust/judge_habits", conducts=told) if told else ""


def _judge_habits(facts: PageData, judge: str) -> _JudgeHabits:
    own = [judgment for judgment in facts.records.judgments if judgment.judge == judge]
    return _JudgeHabits(
        judge=judge,
        judged=len(own),
        repaired=sum(judgment.repaired for judgment in own),
        swaps=_position_bars(
            count_positions(game for game in facts.records.games if game.judge == judge)
        ),
        grades=_grade_bars(
            [grade.score for grade in facts.records.graded if grade.judge == judge],
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
    return tuple(_ShareBar(label=k, count=v, of=total) for k, v in parts.items()) if total else ()


def _grade_bars(scores: list[float | None]) -> tuple[_ShareBar, ...]:
    """Return how often each whole grade was given; a grade between two counts as the nearer one."""
    rounded = Counter(round(score) for score in scores if score is not None)
    total = rounded.total()
    return tuple(
        _ShareBar(label=str(grade), count=rounded[grade], of=total)
        for grade in (range(1, 11) if total else ())
    )
