"""Read and render evalica's CSV of pairwise comparisons, with the columns `left,right,winner`.

A winner is left, right or tie. A column `worker` (or `rater`) names the person, and `question_id`
(or `prompt`) names the question; without such a column, every row is a separate question. Other
columns are kept, and so is the order of the rows, because online Elo depends on it.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from evalharness.domain import Vote, Winner, compute_digest, escape_formula, unescape_formula
from evalharness.formats.interface import Format
from evalharness.formats.rows.imported_records import (
    ImportedRecords,
    RowLocation,
    look_up_label,
)
from evalharness.formats.rows.row_reader import find_files, read_csv
from evalharness.judge import settle_battles
from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Battle, RunRecords
    from evalharness.formats.rows.unmapped_fields import SourceRows

_WINNERS = {"left": Winner.MODEL_A, "right": Winner.MODEL_B, "tie": Winner.TIE}
_SIDE_BY_WINNER = {winner: side for side, winner in _WINNERS.items()}
_PERSON_COLUMNS = ("worker", "rater")
_QUESTION_COLUMNS = ("question_id", "prompt")


def read_evalica(paths: Sequence[Path]) -> ImportedRecords:
    """Return the comparisons in CSV files.

    Raises:
        InputError: a file is damaged, or a winner is unknown.
        ConfigError: a path does not exist.
    """
    imported = ImportedRecords("evalica")
    for path in find_files(paths, ".csv"):
        imported.paths.append(path)
        for number, (line, cells) in enumerate(read_csv(path, ("left", "right", "winner"))):
            row = {name: unescape_formula(cell) for name, cell in cells.items()}
            _add_comparison(row, number, imported, RowLocation(path=path, line=line))
    return imported.complete()


def render_evalica(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the settled battles and the votes of a run as one CSV file."""
    rows = [_render_battle(battle) for battle in settle_battles(records.games)]
    rows += [
        source.restore_row("comparison", vote.digest, _render_battle(vote.battle))
        for vote in records.votes
        if vote.battle is not None
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or ["left", "right", "winner"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _escape_cell(cell) for name, cell in row.items()} for row in rows)
    return {"comparisons.csv": text.getvalue().encode()}


FORMAT = Format(name="evalica", read_files=read_evalica, render_files=render_evalica)


def _add_comparison(
    row: Mapping[str, str], number: int, imported: ImportedRecords, location: RowLocation
) -> None:
    winner = look_up_label(_WINNERS, row["winner"], "winner", location)
    key = compute_digest(["comparison", location.path.name, number, row])
    person = next((row[name] for name in _PERSON_COLUMNS if row.get(name)), None)
    question = next((row[name] for name in _QUESTION_COLUMNS if row.get(name)), key)
    vote = Vote(
        question_id=question,
        judge=f"{HUMAN_PREFIX}:{person}" if person else "evalica",
        model_a=row["left"],
        model_b=row["right"],
        winner=winner,
        digest=key,
    )
    imported.add_vote(vote, location)
    if vote.battle is not None:
        imported.keep_unmapped_fields("comparison", key, row, _render_battle(vote.battle))


def _escape_cell(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula; negative numbers stay unchanged."""
    try:
        float(cell)
    except ValueError:
        return str(escape_formula(cell))
    return cell


def _render_battle(battle: Battle) -> dict[str, str]:
    return {
        "left": battle.model_a,
        "right": battle.model_b,
        "winner": _SIDE_BY_WINNER[battle.winner],
    }
