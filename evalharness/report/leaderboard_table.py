"""Render the leaderboard as text: records for JSON, CSV, Markdown and LaTeX."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from evalharness.analysis import CORRECTED_KINDS
from evalharness.report.csv_text import render_csv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis import CorrectedFigure, CorrectedRow, Leaderboard, LeaderboardRow

# Control characters, line separators, and characters that change the text direction.
_CONTROL_TO_SPACE = dict.fromkeys((*range(32), *range(127, 160), *range(0x2028, 0x202F)), " ")
_CONTROL_TO_SPACE |= dict.fromkeys(range(0x2066, 0x206A), " ")
_MARKDOWN_ESCAPES = _CONTROL_TO_SPACE | str.maketrans(
    {letter: f"\\{letter}" for letter in "\\|`*[]"} | {"<": "&lt;", "&": "&amp;"}
)
_LATEX_ESCAPES = _CONTROL_TO_SPACE | str.maketrans(
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
    """Return a CSV table with one column per figure.

    An apostrophe is put before text that a spreadsheet would run as a formula.
    """
    records = [_flatten_record(record) for record in list_leaderboard_records(leaderboard)]
    columns = list(dict.fromkeys(name for record in records for name in record))
    return render_csv(columns, records)


def render_leaderboard_markdown(leaderboard: Leaderboard) -> str:
    """Return a Markdown table with intervals; method, cautions and robustness follow below it."""
    header, rows = _header_and_cells(leaderboard)
    lines = [
        _markdown_line([name.translate(_MARKDOWN_ESCAPES) for name in header]),
        "|".join(["", " --- ", *[" ---: "] * (len(header) - 1), ""]),
        *(_markdown_line([name.translate(_MARKDOWN_ESCAPES), *figures]) for name, *figures in rows),
    ]
    notes = [f"\n{note.translate(_MARKDOWN_ESCAPES)}" for note in _footnotes(leaderboard)]
    return "\n".join([*lines, *notes]) + "\n"


def render_leaderboard_latex(leaderboard: Leaderboard) -> str:
    """Return a LaTeX tabular (of booktabs) with intervals; method and cautions are comments."""
    header, rows = _header_and_cells(leaderboard)
    notes = [f"% {note.translate(_CONTROL_TO_SPACE)}" for note in _footnotes(leaderboard)]
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


def escape_markdown(text: str) -> str:
    """Return text escaped for one line of Markdown, where it is shown unchanged."""
    return text.translate(_MARKDOWN_ESCAPES)


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
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def _footnotes(leaderboard: Leaderboard) -> tuple[str, ...]:
    """Return the lines below a table: method, cautions, robustness, and corrections by labels."""
    counted = leaderboard.robustness
    return (
        _caption(leaderboard),
        *(f"Caution ({each.source}): {each.sentence}" for each in leaderboard.cautions),
        *([] if counted is None else [f"Counted otherwise: {counted.summary}"]),
        *(
            f"{_KIND_LABELS[each.kind]} of {table.judge} as people would give them: {each.sentence}"
            for table in leaderboard.corrected
            for each in table.corrections
        ),
    )


def _caption(leaderboard: Leaderboard) -> str:
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
