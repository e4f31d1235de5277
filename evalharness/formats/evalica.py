"""Read and render evalica's CSV of pairwise comparisons, with the columns `left,right,winner`.

A winner is left, right or tie. A column `worker` (or `rater`) names the person, and `question_id`
(or `prompt`) names the question; without such a column, every row is a separate question. Other
columns are kept, and so is the order of the rows, because online Elo depends on it. An export adds
two columns of ours, `question_id` and `judge`, so that a later import clusters the same battles.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

from evalharness.domain import Vote, Winner, escape_formula, unescape_formula
from evalharness.formats.interface import Format
from evalharness.formats.rows.row_location import RowLocation
from evalharness.formats.rows.row_reader import find_files, look_up_label, read_csv
from evalharness.formats.rows.vote_keys import make_vote_keys
from evalharness.judge import settle_battles
from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalharness.domain import Battle, RunRecords
    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.unmapped_fields import SourceRows

_WINNERS = {"left": Winner.MODEL_A, "right": Winner.MODEL_B, "tie": Winner.TIE}
_SIDE_BY_WINNER = {winner: side for side, winner in _WINNERS.items()}
_UNNAMED_JUDGE = "evalica"


class _Comparison(msgspec.Struct):
    left: str
    right: str
    winner: str
    worker: str = ""
    rater: str = ""
    judge: str = ""
    question_id: str = ""
    prompt: str = ""


def add_evalica(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the comparisons in CSV files.

    Raises:
        InputError: a file is damaged, or a winner is unknown.
        ConfigError: a path does not exist.
    """
    for path in find_files(paths, ".csv"):
        imported.paths.append(path)
        keys = make_vote_keys("comparison", (row for _, row in _read_rows(path)))
        for (line, row), key in zip(_read_rows(path), keys, strict=True):
            _add_comparison(row, key, imported, RowLocation(path=path, line=line))


def render_evalica(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the settled battles and the votes of a run as one CSV file."""
    rows = [_render_own_battle(battle) for battle in settle_battles(records.games)]
    for vote in records.votes:
        if vote.battle is not None and source.has_row("comparison", vote.digest):
            rendered = _render_battle(vote.battle)
            rows.append(source.restore_row("comparison", vote.digest, rendered))
        elif vote.battle is not None:
            rows.append(_render_own_battle(vote.battle))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or ["left", "right", "winner"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _escape_cell(cell) for name, cell in row.items()} for row in rows)
    return {"comparisons.csv": text.getvalue().encode()}


FORMAT = Format(name="evalica", add_files=add_evalica, render_files=render_evalica)


def _read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    for line, cells in read_csv(path, ("left", "right", "winner")):
        yield line, {name: unescape_formula(cell) for name, cell in cells.items()}


def _add_comparison(
    row: dict[str, str], key: str, imported: ImportedRecords, location: RowLocation
) -> None:
    parsed = imported.read_row(row, _Comparison, location, "left", "right", "worker", "rater")
    winner = look_up_label(_WINNERS, parsed.winner, "winner", location)
    if imported.leave_out_self_comparison((parsed.left, parsed.right), location):
        return
    if not imported.register_row("comparison", key, row, location):
        return
    person = parsed.worker or parsed.rater
    judge = imported.names.read(parsed.judge) if parsed.judge else _UNNAMED_JUDGE
    vote = Vote(
        question_id=parsed.question_id or parsed.prompt or key,
        judge=f"{HUMAN_PREFIX}:{person}" if person else judge,
        model_a=parsed.left,
        model_b=parsed.right,
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


def _render_own_battle(battle: Battle) -> dict[str, str]:
    """Return a battle that was not imported in this format, with the columns of ours."""
    ours = {"question_id": battle.question_id, "judge": battle.judge}
    return _render_battle(battle) | ours
