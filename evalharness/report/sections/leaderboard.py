"""The table: every model's figures with their intervals, drawn on a common scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.report.intervals import (
    BENCHMARK,
    RATING,
    SCORE,
    SHARE,
    Bounds,
    Interval,
    Writing,
    interval,
)
from evalharness.report.numerals import ABSENT, count, figure, listed, percent
from evalharness.report.scales import scale_over
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.leaderboard import LeaderboardRow
    from evalharness.report.facts import Facts

PLACE = 20
TITLE = "Leaderboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What a cell shows, and the number it is sorted by (None comes last in both directions)."""

    value: float | None
    text: str
    interval: Interval | None = None
    is_trouble: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One column: its heading, what it means, which way it sorts first, and its cells.

    One that `is_extra` is hidden until a reader asks for it.
    """

    heading: str
    meaning: str
    cells: tuple[_Cell, ...]
    smaller_first: bool = False
    is_extra: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no model has the figure."""
        return all(cell.value is None for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """A row of figures that others published: whose, from where, and its cell in each column."""

    model: str
    number: int
    of: str
    sources: tuple[str, ...]
    cells: Mapping[str, _Cell]


def render(facts: Facts) -> str:
    """Return the leaderboard's table, or nothing without models."""
    rows = facts.leaderboard.rows
    if not rows:
        return ""
    columns = [
        *_measures(facts, rows),
        *_extras(rows),
        *_turns(rows),
        *_benchmarks(rows),
        *_counts(rows),
    ]
    references = _references(facts)
    headings = dict.fromkeys(name for reference in references for name in reference.cells)
    known = {column.heading for column in columns}
    columns += [_only_published(name, len(rows)) for name in headings if name not in known]
    return fill(
        "sections/leaderboard", facts=facts, rows=rows, columns=columns, references=references
    )


def _measures(facts: Facts, rows: Sequence[LeaderboardRow]) -> list[_Column]:
    level = facts.level
    ratings = [(row.rating, row.rating_low, row.rating_high) for row in rows]
    wins = [(row.win_rate, row.win_rate_low, row.win_rate_high) for row in rows]
    scores = [(row.score, row.score_low, row.score_high) for row in rows]
    return [
        _Column(
            heading="Rank",
            meaning=f"place in this table, and the ranks the model may have at {level}",
            cells=tuple(_rank(row) for row in rows),
            smaller_first=True,
        ),
        _Column(
            heading="Rating",
            meaning=f"{facts.leaderboard.method} rating with its {level} interval",
            cells=_with_intervals(ratings, RATING),
        ),
        _Column(
            heading="Win rate",
            meaning=f"wins and half of the ties among battles, with its {level} interval",
            cells=_with_intervals(wins, SHARE),
        ),
        _Column(
            heading="Score",
            meaning=f"mean grade from 1 to 10, with its {level} interval",
            cells=_with_intervals(scores, SCORE),
        ),
    ]


def _extras(rows: Sequence[LeaderboardRow]) -> list[_Column]:
    """Return the columns that only some runs have."""
    columns = [
        _Column(
            heading="LC win rate",
            meaning="win rate as if both answers were equally long",
            cells=_plain([row.length_controlled_win_rate for row in rows], percent),
        ),
        _Column(
            heading="Elo",
            meaning="online Elo rating, which depends on the order of the battles",
            cells=_plain([row.elo for row in rows], figure),
            is_extra=True,
        ),
    ]
    return [column for column in columns if not column.is_empty]


def _turns(rows: Sequence[LeaderboardRow]) -> list[_Column]:
    turns = sorted({turn for row in rows for turn in row.score_by_turn})
    return [
        _Column(
            heading=f"Turn {turn}",
            meaning=f"mean grade of turn {turn}",
            cells=_plain([row.score_by_turn.get(turn) for row in rows], SCORE.value),
        )
        for turn in turns
    ]


def _benchmarks(rows: Sequence[LeaderboardRow]) -> list[_Column]:
    names = dict.fromkeys(name for row in rows for name in row.benchmarks)
    return [
        _Column(
            heading=name,
            meaning="benchmark score, see below",
            cells=_plain([row.benchmarks.get(name) for row in rows], BENCHMARK.value),
        )
        for name in names
    ]


def _references(facts: Facts) -> list[_Reference]:
    """Return a row for each model of which others' figures stand in the manifest.

    A figure goes to the column of the same benchmark, else to one of its own. None goes to the
    column of scores: those are of other questions.
    """
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for each in facts.records.manifest.get("published") or ():
        by_model.setdefault(each["model"], []).append(each)
    return [
        _Reference(
            model=model,
            number=facts.models.index(model) if model in facts.models else len(facts.models),
            of=listed(list(dict.fromkeys(str(each["of"]) for each in own))),
            sources=tuple(dict.fromkeys(each["source"] for each in own)),
            cells={_published_heading(each): _published_cell(each["value"]) for each in own},
        )
        for model, own in by_model.items()
    ]


def _published_heading(each: Mapping[str, Any]) -> str:
    is_alone = each["benchmark"] == each["suite"]
    return str(each["title"] if is_alone else each["benchmark"])


def _published_cell(value: float) -> _Cell:
    is_share = value <= 1
    return _Cell(value=value, text=BENCHMARK.value(value) if is_share else SCORE.value(value))


def _only_published(heading: str, rows: int) -> _Column:
    return _Column(
        heading=heading,
        meaning="figures that others published; not measured here",
        cells=(_Cell(value=None, text=ABSENT),) * rows,
    )


def _counts(rows: Sequence[LeaderboardRow]) -> list[_Column]:
    plain = {
        "Battles": (
            "games settled from both orders, and imported votes",
            [row.battles for row in rows],
        ),
        "Graded": ("judgments that gave a score", [row.graded for row in rows]),
    }
    troubles = {
        "Unscored": ("judgments that could not be read", [row.unscored for row in rows]),
        "Failed": ("answers or judgments that could not be made", [row.failed for row in rows]),
        "Cut off": ("replies that max_tokens cut", [row.truncated for row in rows]),
    }
    return [
        _Column(
            heading=heading,
            meaning=meaning,
            cells=tuple(
                _Cell(value=value, text=count(value), is_trouble=heading in troubles and value > 0)
                for value in values
            ),
        )
        for heading, (meaning, values) in (plain | troubles).items()
    ]


def _rank(row: LeaderboardRow) -> _Cell:
    low, high = row.rank_low, row.rank_high
    if low is None or high is None:
        between = ABSENT
    else:
        between = f"{low}" if low == high else f"{low} to {high}"
    place = Interval(value=row.rank, text=figure(row.rank), span=between)
    return _Cell(value=row.rank, text=place.text, interval=place)


def _plain(
    values: Sequence[float | None], write: Callable[[float | None], str]
) -> tuple[_Cell, ...]:
    return tuple(_Cell(value=value, text=write(value)) for value in values)


def _with_intervals(figures: Sequence[Bounds], writing: Writing) -> tuple[_Cell, ...]:
    scale = scale_over(value for bounds in figures for value in bounds)
    drawn = [interval(bounds, writing, scale) for bounds in figures]
    return tuple(_Cell(value=each.value, text=each.text, interval=each) for each in drawn)
