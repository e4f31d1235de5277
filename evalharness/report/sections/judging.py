"""How each judge behaved: whether places swayed it, which grades it gives, what needed a repair."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.numerals import percent
from evalharness.report.templates import fill
from evalharness.settle import PositionCount, count_positions

if TYPE_CHECKING:
    from evalharness.report.facts import Facts

PLACE = 55
TITLE = "The judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
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
        return percent(self.count / self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conduct:
    """What one judge's judgments show of it; empty where it made none of that kind.

    `repaired` of the `judged` were asked for twice, with a decision in the end or without one.
    """

    judge: str
    judged: int
    repaired: int
    swaps: tuple[_Share, ...]
    grades: tuple[_Share, ...]


def render(facts: Facts) -> str:
    """Return every judge's conduct, or nothing when nothing was judged."""
    conducts = [_conduct(facts, judge) for judge in facts.judges]
    told = [each for each in conducts if each.swaps or each.grades or each.repaired]
    return fill("sections/judging", conducts=told) if told else ""


def _conduct(facts: Facts, judge: str) -> _Conduct:
    own = [judgment for judgment in facts.records.judgments if judgment.judge == judge]
    return _Conduct(
        judge=judge,
        judged=len(own),
        repaired=sum(judgment.repaired for judgment in own),
        swaps=_swaps(count_positions(game for game in facts.records.games if game.judge == judge)),
        grades=_grades(
            [grade.score for grade in facts.records.graded if grade.judge == judge],
        ),
    )


def _swaps(counted: PositionCount) -> tuple[_Share, ...]:
    parts = {
        "same in both orders": counted.consistent,
        "first shown, twice": counted.first,
        "second shown, twice": counted.second,
        "a tie in one order": counted.half_tie,
    }
    total = sum(parts.values())
    return tuple(_Share(label=k, count=v, of=total) for k, v in parts.items()) if total else ()


def _grades(scores: list[float | None]) -> tuple[_Share, ...]:
    """Return how often each whole grade was given; a grade between two counts as the nearer one."""
    rounded = Counter(round(score) for score in scores if score is not None)
    total = rounded.total()
    return tuple(
        _Share(label=str(grade), count=rounded[grade], of=total)
        for grade in (range(1, 11) if total else ())
    )
