"""evalica's CSV of pairwise comparisons: `left,right,winner`, where a winner is left, right or tie.

Further columns are kept. A column `worker` (or `rater`) names the person, `question_id` (or
`prompt`) the question; without one, every row is a question of its own. The order of the rows is
kept, as online Elo depends on it.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from evalharness.domain import Vote, Winner, digest, escape_formula, unescape_formula
from evalharness.formats.rows.imported_records import ImportedRecords, RowLocation, look_up_label
from evalharness.formats.rows.row_reader import find_files, table
from evalharness.judge import settle_battles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Battle, RunRecords
    from evalharness.formats.rows.unmapped_fields import SourceRows

_WINNERS = {"left": Winner.MODEL_A, "right": Winner.MODEL_B, "tie": Winner.TIE}
_SIDES = {winner: side for side, winner in _WINNERS.items()}
_PEOPLE = ("worker", "rater")
_QUESTIONS = ("question_id", "prompt")


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return the comparisons of CSV files.

    Raises:
        InputError: a file is not as it should be, or a winner is unknown.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("evalica")
    for path in find_files(paths, ".csv"):
        gathering.paths.append(path)
        for number, (line, cells) in enumerate(table(path, ("left", "right", "winner"))):
            row = {name: unescape_formula(cell) for name, cell in cells.items()}
            _read_comparison(row, number, gathering, RowLocation(path=path, line=line))
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run's settled battles and votes as one CSV file."""
    rows = [_row(battle) for battle in settle_battles(records.games)]
    rows += [
        source.restore("comparison", vote.digest, _row(vote.battle))
        for vote in records.votes
        if vote.battle is not None
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or ["left", "right", "winner"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(cell) for name, cell in row.items()} for row in rows)
    return {"comparisons.csv": text.getvalue().encode()}


def _read_comparison(
    row: Mapping[str, str], number: int, gathering: ImportedRecords, at: RowLocation
) -> None:
    winner = look_up_label(_WINNERS, row["winner"], "winner", at)
    key = digest(["comparison", at.path.name, number, row])
    person = next((row[name] for name in _PEOPLE if row.get(name)), None)
    question = next((row[name] for name in _QUESTIONS if row.get(name)), key)
    vote = Vote(
        question_id=question,
        judge=f"human:{person}" if person else "evalica",
        model_a=row["left"],
        model_b=row["right"],
        winner=winner,
        digest=key,
    )
    gathering.add_vote(vote, at)
    if vote.battle is not None:
        gathering.keep_beyond("comparison", key, row, _row(vote.battle))


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs; a number below zero stays one."""
    try:
        float(cell)
    except ValueError:
        return str(escape_formula(cell))
    return cell


def _row(battle: Battle) -> dict[str, str]:
    return {
        "left": battle.model_a,
        "right": battle.model_b,
        "winner": _SIDES[battle.winner],
    }
