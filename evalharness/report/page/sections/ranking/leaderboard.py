"""Show the leaderboard: the figures of every model with intervals on a common axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.report.number_format import (
    ABSENT,
    format_count,
    format_list,
    format_number,
    format_percent,
)
from evalharness.report.page.axes import fit_axis
from evalharness.report.page.interval_marks import (
    BENCHMARK_FORMAT,
    RATING_FORMAT,
    SCORE_FORMAT,
    SHARE_FORMAT,
    FigureFormat,
    PlacedInterval,
    ValueAndBounds,
    place_interval,
)
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.analysis import LeaderboardRow
    from evalharness.report.page.page_data import PageData


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableCell:
    """The content of a cell, and the value for sorting (None sorts last in both directions)."""

    value: float | None
    text: str
    interval: PlacedInterval | None = None
    is_trouble: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableColumn:
    """A column of the table.

    Attributes:
        heading: its heading.
        meaning: an explanation of the heading.
        cells: its cells, in the order of the models.
        smaller_first: whether the first click sorts smaller values first.
        is_extra: whether the column is hidden until the reader shows all columns.
    """

    heading: str
    meaning: str
    cells: tuple[_TableCell, ...]
    smaller_first: bool = False
    is_extra: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no model has a value."""
        return all(cell.value is None for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PublishedRow:
    """A row of published figures, with the model that they describe, their sources, and cells by heading."""

    model: str
    number: int
    of: str
    sources: tuple[str, ...]
    cells: Mapping[str, _TableCell]


def render_leaderboard(data: PageData) -> str:
    """Return the table, or nothing without models (sides of labelled pairs are none)."""
    rows = data.leaderboard.rows
    if not rows or data.has_only_labelled_pairs:
        return ""
    columns = [
        *_figure_columns(data, rows),
        *_optional_columns(rows),
        *_turn_columns(rows),
        *_benchmark_columns(rows),
        *_count_columns(rows),
    ]
    references = _published_rows(data)
    headings = dict.fromkeys(name for reference in references for name in reference.cells)
    known = {column.heading for column in columns}
    columns += [_published_column(name, len(rows)) for name in headings if name not in known]
    return fill_template(
        "sections/ranking/leaderboard",
        data=data,
        rows=rows,
        columns=columns,
        references=references,
    )


def _figure_columns(data: PageData, rows: Sequence[LeaderboardRow]) -> list[_TableColumn]:
    level = data.level
    ratings = [(row.rating, row.rating_low, row.rating_high) for row in rows]
    wins = [(row.win_rate, row.win_rate_low, row.win_rate_high) for row in rows]
    scores = [(row.score, row.score_low, row.score_high) for row in rows]
    return [
        _TableColumn(
            heading="Rank",
            meaning=f"place in this table, and the ranks the model may have at {level}",
            cells=tuple(_rank_cell(row) for row in rows),
            smaller_first=True,
        ),
        _TableColumn(
            heading="Rating",
            meaning=f"{data.leaderboard.method} rating with its {level} interval",
            cells=_interval_cells(ratings, RATING_FORMAT),
        ),
        _TableColumn(
            heading="Win rate",
            meaning=f"wins and half of the ties among battles, with its {level} interval",
            cells=_interval_cells(wins, SHARE_FORMAT),
        ),
        _TableColumn(
            heading="Score",
            meaning=f"mean grade from 1 to 10, with its {level} interval",
            cells=_interval_cells(scores, SCORE_FORMAT),
        ),
    ]


def _optional_columns(rows: Sequence[LeaderboardRow]) -> list[_TableColumn]:
    """Return the columns that only some runs have."""
    columns = [
        _TableColumn(
            heading="LC win rate",
            meaning="win rate as if both answers were equally long; AlpacaEval's published figure "
            "also has a term for the difficulty of each instruction",
            cells=_plain_cells([row.length_controlled_win_rate for row in rows], format_percent),
        ),
        _TableColumn(
            heading="Elo",
            meaning="online Elo rating, which depends on the order of the battles",
            cells=_plain_cells([row.elo for row in rows], format_number),
            is_extra=True,
        ),
    ]
    return [column for column in columns if not column.is_empty]


def _turn_columns(rows: Sequence[LeaderboardRow]) -> list[_TableColumn]:
    turns = sorted({turn for row in rows for turn in row.score_by_turn})
    return [
        _TableColumn(
            heading=f"Turn {turn}",
            meaning=f"mean grade of turn {turn}",
            cells=_plain_cells([row.score_by_turn.get(turn) for row in rows], SCORE_FORMAT.value),
        )
        for turn in turns
    ]


def _benchmark_columns(rows: Sequence[LeaderboardRow]) -> list[_TableColumn]:
    names = dict.fromkeys(name for row in rows for name in row.benchmarks)
    return [
        _TableColumn(
            heading=name,
            meaning="benchmark score, see below",
            cells=_plain_cells([row.benchmarks.get(name) for row in rows], BENCHMARK_FORMAT.value),
        )
        for name in names
    ]


def _published_rows(data: PageData) -> list[_PublishedRow]:
    """Return a row for each model with published figures in the manifest.

    A figure goes into the column of the same benchmark, or into a column of its own. No published
    figure goes into the column of scores, because published scores are from other questions.
    """
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for each in data.records.manifest.get("published") or ():
        by_model.setdefault(each["model"], []).append(each)
    return [
        _PublishedRow(
            model=model,
            number=data.models.index(model) if model in data.models else len(data.models),
            of=format_list(list(dict.fromkeys(str(each["of"]) for each in own))),
            sources=tuple(dict.fromkeys(each["source"] for each in own)),
            cells={_published_heading(each): _published_cell(each["value"]) for each in own},
        )
        for model, own in by_model.items()
    ]


def _published_heading(each: Mapping[str, Any]) -> str:
    is_alone = each["benchmark"] == each["suite"]
    return str(each["title"] if is_alone else each["benchmark"])


def _published_cell(value: float) -> _TableCell:
    is_share = value <= 1
    return _TableCell(
        value=value, text=BENCHMARK_FORMAT.value(value) if is_share else SCORE_FORMAT.value(value)
    )


def _published_column(heading: str, rows: int) -> _TableColumn:
    return _TableColumn(
        heading=heading,
        meaning="figures that others published; not measured here",
        cells=(_TableCell(value=None, text=ABSENT),) * rows,
    )


def _count_columns(rows: Sequence[LeaderboardRow]) -> list[_TableColumn]:
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
        "Not asked yet": (
            "answers and judgments that were not asked for before the run stopped",
            [row.not_asked for row in rows],
        ),
        "Cut off": ("replies that max_tokens cut", [row.truncated for row in rows]),
        "Empty": (
            "turns without an answer: refused, ended inside the thought, or nothing written",
            [row.empty for row in rows],
        ),
    }
    return [
        _TableColumn(
            heading=heading,
            meaning=meaning,
            cells=tuple(
                _TableCell(
                    value=value,
                    text=format_count(value),
                    is_trouble=heading in troubles and value > 0,
                )
                for value in values
            ),
        )
        for heading, (meaning, values) in (plain | troubles).items()
    ]


def _rank_cell(row: LeaderboardRow) -> _TableCell:
    low, high = row.rank_low, row.rank_high
    if low is None or high is None:
        between = ABSENT
    else:
        between = f"{low}" if low == high else f"{low} to {high}"
    place = PlacedInterval(value=row.rank, text=format_number(row.rank), span=between)
    return _TableCell(value=row.rank, text=place.text, interval=place)


def _plain_cells(
    values: Sequence[float | None], format_value: Callable[[float | None], str]
) -> tuple[_TableCell, ...]:
    return tuple(_TableCell(value=value, text=format_value(value)) for value in values)


def _interval_cells(
    figures: Sequence[ValueAndBounds], figure_format: FigureFormat
) -> tuple[_TableCell, ...]:
    scale = fit_axis(value for bounds in figures for value in bounds)
    drawn = [place_interval(bounds, figure_format, scale) for bounds in figures]
    return tuple(_TableCell(value=each.value, text=each.text, interval=each) for each in drawn)


SECTION = Section(address="leaderboard", place=20, title="Leaderboard", render=render_leaderboard)
