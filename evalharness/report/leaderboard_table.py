"""Render the leaderboard as text: records for JSON, CSV, Markdown and LaTeX."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from evalharness.analysis import CORRECTED_KINDS
from evalharness.domain import CONTROL_TO_SPACE, escape_markdown
from evalharness.report.csv_text import render_csv
from evalharness.report.number_format import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis import (
        CorrectedFigure,
        CorrectedRow,
        LabelledSetAccuracy,
        Leaderboard,
        LeaderboardRow,
    )

_LATEX_ESCAPES = CONTROL_TO_SPACE | str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "_": r"\_",
        "%": r"\%",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)

_COUNT = "d"
"""The format of a column that is a count."""
_KIND_LABELS = {"rating": "Ratings", "win_rate": "Win rates", "score": "Scores"}


def list_leaderboard_records(leaderboard: Leaderboard) -> list[dict[str, Any]]:
    """Return one JSON-like object per model, best first; an absent figure is None, never 0."""
    return [_row_record(row) for row in leaderboard.rows]


def render_leaderboard_json(leaderboard: Leaderboard) -> str:
    """Return the leaderboard as JSON: one object per model, best first.

    A reader may take one row alone, so each row also has the cautions of the leaderboard, and what
    is there of a run that stopped before its end. An open end of an interval is null.
    """
    about = {
        "stopped": leaderboard.progress.stopped or None,
        "cautions": [asdict(each) for each in leaderboard.cautions],
    }
    records = [
        {name: _null_if_infinite(value) for name, value in record.items()} | about
        for record in list_leaderboard_records(leaderboard)
    ]
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _null_if_infinite(value: object) -> object:
    return None if isinstance(value, float) and math.isinf(value) else value


def make_corrected_record(row: CorrectedRow) -> dict[str, Any]:
    """Return a model's corrected figures and the judge's own figures as columns."""
    flat: dict[str, Any] = {
        name: getattr(row, name) for name in ("model", "rank", "rank_low", "rank_high")
    }
    for kind in CORRECTED_KINDS:
        figure: CorrectedFigure | None = getattr(row, kind)
        flat |= {
            column: None if figure is None else getattr(figure, name)
            for column, name in (
                (kind, "value"),
                (f"{kind}_low", "low"),
                (f"{kind}_high", "high"),
                (f"judge_{kind}", "judge"),
                (f"judge_{kind}_low", "judge_low"),
                (f"judge_{kind}_high", "judge_high"),
                (f"{kind}_labels", "labels"),
            )
        }
    return flat


def render_leaderboard_csv(leaderboard: Leaderboard) -> str:
    """Return a CSV table with one column per figure; `stopped` says what an unfinished run has.

    An apostrophe is put before text that a spreadsheet would run as a formula.
    """
    about = {"stopped": leaderboard.progress.stopped} if leaderboard.progress.stopped else {}
    records = [_flatten_record(record | about) for record in list_leaderboard_records(leaderboard)]
    columns = list(dict.fromkeys(name for record in records for name in record))
    return render_csv(columns, records)


def render_leaderboard_markdown(leaderboard: Leaderboard) -> str:
    """Return a Markdown table with intervals; method, cautions and robustness follow below it."""
    header, rows = _header_and_cells(leaderboard)
    lines = [
        _markdown_line([escape_markdown(name) for name in header]),
        "|".join(["", " --- ", *[" ---: "] * (len(header) - 1), ""]),
        *(_markdown_line([escape_markdown(name), *figures]) for name, *figures in rows),
    ]
    notes = [f"\n{escape_markdown(note)}" for note in _footnotes(leaderboard)]
    return "\n".join([*lines, *notes]) + "\n"


def render_leaderboard_latex(leaderboard: Leaderboard) -> str:
    """Return a LaTeX tabular (of booktabs) with intervals; method and cautions are comments."""
    header, rows = _header_and_cells(leaderboard)
    notes = [f"% {note.translate(CONTROL_TO_SPACE)}" for note in _footnotes(leaderboard)]
    lines = [
        *notes,
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        _latex_line(header),
        r"\midrule",
        *(_latex_line(row) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _row_record(row: LeaderboardRow) -> dict[str, Any]:
    record = asdict(row)
    # JSON keys are strings, so the turns become strings before they are written.
    record["score_by_turn"] = {str(turn): mean for turn, mean in row.score_by_turn.items()}
    return record


def _flatten_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with one column for each entry of its inner mappings."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


def _header_and_cells(leaderboard: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows as text, without empty columns."""
    tables = [_cell_texts(row, _benchmark_names(leaderboard.rows)) for row in leaderboard.rows]
    names = list(tables[0]) if tables else ["Model"]
    shown = [name for name in names if name == "Model" or any(table[name] for table in tables)]
    return shown, [[table[name] for name in shown] for table in tables]


def _benchmark_names(rows: Sequence[LeaderboardRow]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.benchmarks))


def _cell_texts(row: LeaderboardRow, benchmarks: Sequence[str]) -> dict[str, str]:
    shown = [each for each in fields(row) if "heading" in each.metadata]
    figures = [each for each in shown if each.metadata["form"] != _COUNT]
    counts = [each for each in shown if each.metadata["form"] == _COUNT]
    return {
        "Model": row.model,
        **{
            each.metadata["heading"]: _format_interval(
                getattr(row, each.name),
                getattr(row, f"{each.name}_low", None),
                getattr(row, f"{each.name}_high", None),
                each.metadata["form"],
            )
            for each in figures
        },
        **{each.metadata["heading"]: str(getattr(row, each.name) or "") for each in counts},
        **{name: _format_number(row.benchmarks.get(name), ".3f") for name in benchmarks},
    }


def _format_number(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _format_interval(value: float | None, low: float | None, high: float | None, form: str) -> str:
    if value is None or low is None or high is None:
        return _format_number(value, form)
    ends = (OPEN if math.isinf(end) else f"{end:{form}}" for end in (low, high))
    return f"{value:{form}} [{', '.join(ends)}]"


def _footnotes(leaderboard: Leaderboard) -> tuple[str, ...]:
    """Return the lines below a table: method, cautions, robustness, and corrections by labels."""
    counted = leaderboard.robustness
    return (
        _caption(leaderboard),
        *(f"Caution ({each.source}): {each.sentence}" for each in leaderboard.cautions),
        *([] if counted is None else [f"In other analyses: {counted.summary}"]),
        *map(_describe_labelled_set, leaderboard.labelled_sets),
        *(
            f"{_KIND_LABELS[each.kind]} of {table.judge} as people would give them: {each.sentence}"
            for table in leaderboard.corrected
            for each in table.corrections
        ),
    )


def _describe_labelled_set(each: LabelledSetAccuracy) -> str:
    unread = f", {each.unscored} of them unreadable" if each.unscored else ""
    return (
        f"Accuracy of {each.judge} on {each.labelled_set}: {each.accuracy:.1%} "
        f"[{each.low:.1%}, {each.high:.1%}] of {each.verdicts} verdicts on {each.pairs} pairs{unread}."
    )


def _caption(leaderboard: Leaderboard) -> str:
    if leaderboard.labelled_sets and all(row.rank is None for row in leaderboard.rows):
        return f"No ratings: the sides of labelled pairs are no models. Intervals: {leaderboard.level:.0%}."
    return (
        f"Ratings: {leaderboard.method}. Intervals in brackets: {leaderboard.level:.0%}, "
        "clustered by question; ranks in brackets hold for all models at once."
    )


def _markdown_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _latex_line(cells: Sequence[str]) -> str:
    line = " & ".join(cell.translate(_LATEX_ESCAPES) for cell in cells) + r" \\"
    # After `\\\\` at the end of the previous line, LaTeX would read these as an argument of the line break.
    return "{}" + line if line.startswith(("[", "*")) else line
