"""Read and render labels that a user gives to the answers of a run, as JSON lines or CSV.

    {"question_id": "81", "model_a": ..., "model_b": ..., "winner": "model_a"|"model_b"|"tie"}
    {"question_id": "81", "model": ..., "score": 7}

`turn` (by default 1) and `judge` (by default `human`) may be added; the names of people begin with
`human` (`human:ada`). Their labels check and correct the run's judge. Labels are imported into the
run that holds the labelled answers; unknown question ids and models are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import GradedJudgment, Vote, Winner, compute_digest
from evalharness.formats.interface import Format
from evalharness.formats.rows.row_location import RowLocation
from evalharness.formats.rows.row_reader import (
    find_files,
    look_up_label,
    read_csv,
    read_json_lines,
)
from evalharness.formats.rows.row_writer import encode_json_lines
from evalharness.stats import GOLD_JUDGE, HUMAN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

PROMPT = "label"
_WINNERS = {winner.value: winner for winner in Winner}
_MIN_SCORE, _MAX_SCORE = 1, 10


class _PairLabel(msgspec.Struct):
    question_id: str | int
    model_a: str
    model_b: str
    winner: str
    turn: int = 1
    judge: str = HUMAN_PREFIX


class _GradeLabel(msgspec.Struct):
    question_id: str | int
    model: str
    score: float
    turn: int = 1
    judge: str = HUMAN_PREFIX


def add_labels(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the labels in files.

    Raises:
        InputError: a file is damaged, or a winner is unknown.
        ConfigError: a path does not exist.
    """
    for path in find_files(paths, ".jsonl", ".csv"):
        imported.paths.append(path)
        for line, row in _read_rows(path):
            location = RowLocation(path=path, line=line)
            if "score" in row:
                _add_grade(row, imported, location)
            else:
                _add_pair(row, imported, location)
    _warn_about_judges(imported)


def render_labels(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the votes of a run, and its grades that were labels, as JSON lines."""
    rows = [
        source.restore_row("pair", vote.digest, _render_pair(vote))
        for vote in records.votes
        if vote.winner is not None
    ]
    rows += [
        source.restore_row("grade", grade.digest, _render_grade(grade))
        for grade in records.graded
        if grade.prompt == PROMPT
    ]
    return {"labels.jsonl": encode_json_lines(rows)}


FORMAT = Format(name="labels", add_files=add_labels, render_files=render_labels, needs_run=True)


def _warn_about_judges(imported: ImportedRecords) -> None:
    """Warn about labels that do not count as a person's and so correct nothing."""
    judges = {each.judge for each in (*imported.votes.values(), *imported.judgments.values())}
    others = sorted(
        name for name in judges if not name.startswith(HUMAN_PREFIX) and name != GOLD_JUDGE
    )
    if others:
        imported.warnings.append(
            f"labels of {', '.join(others)} count as another judge's; people's names begin with "
            f"{HUMAN_PREFIX}: as in {HUMAN_PREFIX}:{others[0]}, and check and correct the judge"
        )


def _read_rows(path: Path) -> Iterator[tuple[int, JsonRow]]:
    """Yield rows, each with its line number; the numbers of a CSV file are converted."""
    if path.suffix != ".csv":
        yield from read_json_lines(path)
        return
    for line, cells in read_csv(path, ("question_id",)):
        row: JsonRow = {name: cell for name, cell in cells.items() if cell != ""}
        for name, convert in (("turn", int), ("score", float)):
            try:
                row |= {name: convert(row[name])} if name in row else {}
            except ValueError:
                location = RowLocation(path=path, line=line)
                location.refuse(f"{name} must be a number, not {row[name]!r}")
        yield line, row


def _add_pair(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> None:
    parsed = imported.read_row(row, _PairLabel, location, "model_a", "model_b", "judge")
    models = (parsed.model_a, parsed.model_b)
    vote = Vote(
        question_id=str(parsed.question_id),
        turn=parsed.turn,
        judge=parsed.judge,
        model_a=parsed.model_a,
        model_b=parsed.model_b,
        winner=look_up_label(_WINNERS, parsed.winner, "winner", location),
        digest=compute_digest(
            ["label", str(parsed.question_id), parsed.turn, parsed.judge, *models]
        ),
    )
    is_new = imported.register_row("pair", vote.digest, row, location)
    if is_new and imported.refuse_contradiction(vote, location):
        imported.add_vote(vote, location)
        imported.keep_unmapped_fields("pair", vote.digest, row, _render_pair(vote))


def _add_grade(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> None:
    parsed = imported.read_row(row, _GradeLabel, location, "model", "judge")
    if not _MIN_SCORE <= parsed.score <= _MAX_SCORE:
        location.refuse(f"score {parsed.score}: must be from 1 to 10")
    grade = GradedJudgment(
        question_id=str(parsed.question_id),
        turn=parsed.turn,
        judge=parsed.judge,
        prompt=PROMPT,
        model=parsed.model,
        score=parsed.score,
        reply="",
        digest=compute_digest(
            ["label", str(parsed.question_id), parsed.turn, parsed.judge, parsed.model],
        ),
    )
    if imported.register_row("grade", grade.digest, row, location):
        imported.add_judgment(grade, location)
        imported.keep_unmapped_fields("grade", grade.digest, row, _render_grade(grade))


def _render_pair(vote: Vote) -> dict[str, Any]:
    return {
        "question_id": vote.question_id,
        "turn": vote.turn,
        "judge": vote.judge,
        "model_a": vote.model_a,
        "model_b": vote.model_b,
        "winner": vote.winner,
    }


def _render_grade(grade: GradedJudgment) -> dict[str, Any]:
    return {
        "question_id": grade.question_id,
        "turn": grade.turn,
        "judge": grade.judge,
        "model": grade.model,
        "score": grade.score,
    }
