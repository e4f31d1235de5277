"""Labels of one's own, for the answers of a run: JSON lines or CSV, pairs or grades.

    {"question_id": "81", "model_a": ..., "model_b": ..., "winner": "model_a"|"model_b"|"tie"}
    {"question_id": "81", "model": ..., "score": 7}

`turn` (1 where it is left out) and `judge` (`human`) may be added; names of people begin with
`human` (`human:ada`). Their labels check and correct the run's judge. Import them into the run whose
answers they label: question ids and models that it does not have are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import GradedJudgment, Vote, Winner, digest
from evalharness.formats.rows.imported_records import (
    HUMAN_JUDGE,
    ImportedRecords,
    RowLocation,
    look_up_label,
)
from evalharness.formats.rows.row_reader import convert_row, find_files, rows, table
from evalharness.formats.rows.row_writer import lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

PROMPT = "label"
GOLD = "gold"
_WINNERS = {winner.value: winner for winner in Winner}
_LOWEST, _HIGHEST = 1, 10


class _PairLabel(msgspec.Struct):
    question_id: str | int
    model_a: str
    model_b: str
    winner: str
    turn: int = 1
    judge: str = "human"


class _GradeLabel(msgspec.Struct):
    question_id: str | int
    model: str
    score: float
    turn: int = 1
    judge: str = "human"


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return the labels of files.

    Raises:
        InputError: a file is not as it should be, or a winner is unknown.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("labels", needs_run=True)
    for path in find_files(paths, ".jsonl", ".csv"):
        gathering.paths.append(path)
        for line, row in _rows(path):
            at = RowLocation(path=path, line=line)
            _read_grade(row, gathering, at) if "score" in row else _read_pair(row, gathering, at)
    _warn_of_judges(gathering)
    return gathering.finish()


def _warn_of_judges(gathering: ImportedRecords) -> None:
    """Say whose labels will not count as a person's, and so correct nothing."""
    judges = {each.judge for each in (*gathering.votes.values(), *gathering.judgments.values())}
    others = sorted(name for name in judges if not name.startswith(HUMAN_JUDGE) and name != GOLD)
    if others:
        gathering.warnings.append(
            f"labels of {', '.join(others)} count as another judge's; people's names begin with "
            f"{HUMAN_JUDGE}: as in {HUMAN_JUDGE}:{others[0]}, and check and correct the judge"
        )


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run's votes, and the grades that were labels, as JSON lines."""
    found = [
        source.restore("pair", vote.digest, _pair_row(vote))
        for vote in records.votes
        if vote.winner is not None
    ]
    found += [
        source.restore("grade", grade.digest, _grade_row(grade))
        for grade in records.graded
        if grade.prompt == PROMPT
    ]
    return {"labels.jsonl": lines(found)}


def _rows(path: Path) -> Iterator[tuple[int, JsonRow]]:
    """Yield rows; numbers in a CSV file become numbers."""
    if path.suffix != ".csv":
        yield from rows(path)
        return
    for line, row in table(path, ("question_id",)):
        given: JsonRow = {name: cell for name, cell in row.items() if cell != ""}
        for name, kind in (("turn", int), ("score", float)):
            try:
                given |= {name: kind(given[name])} if name in given else {}
            except ValueError:
                RowLocation(path=path, line=line).refuse(
                    f"{name} must be a number, not {given[name]!r}"
                )
        yield line, given


def _read_pair(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> None:
    given = convert_row(row, _PairLabel, at.path, at.line)
    models = (given.model_a, given.model_b)
    vote = Vote(
        question_id=str(given.question_id),
        turn=given.turn,
        judge=given.judge,
        model_a=given.model_a,
        model_b=given.model_b,
        winner=look_up_label(_WINNERS, given.winner, "winner", at),
        digest=digest(["label", str(given.question_id), given.turn, given.judge, *models]),
    )
    if gathering.is_new("pair", vote.digest, row, at):
        _refuse_contradiction(vote, gathering, at)
        gathering.add_vote(vote, at)
        gathering.keep_beyond("pair", vote.digest, row, _pair_row(vote))


def _refuse_contradiction(vote: Vote, gathering: ImportedRecords, at: RowLocation) -> None:
    """Refuse a person's second vote on a pair, in the other order, if it says something else."""
    better = {Winner.MODEL_A: vote.model_a, Winner.MODEL_B: vote.model_b}
    pair = sorted((vote.model_a, vote.model_b))
    key = digest([vote.question_id, vote.turn, vote.judge, *pair])
    gathering.is_new(
        f"vote of {vote.judge} on this pair",
        key,
        {"better": better.get(vote.winner or Winner.TIE, "")},
        at,
    )


def _read_grade(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> None:
    given = convert_row(row, _GradeLabel, at.path, at.line)
    if not _LOWEST <= given.score <= _HIGHEST:
        at.refuse(f"score {given.score}: must be from 1 to 10")
    grade = GradedJudgment(
        question_id=str(given.question_id),
        turn=given.turn,
        judge=given.judge,
        prompt=PROMPT,
        model=given.model,
        score=given.score,
        reply="",
        digest=digest(
            ["label", str(given.question_id), given.turn, given.judge, given.model],
        ),
    )
    if gathering.is_new("grade", grade.digest, row, at):
        gathering.add_judgment(grade, at)
        gathering.keep_beyond("grade", grade.digest, row, _grade_row(grade))


def _pair_row(vote: Vote) -> dict[str, Any]:
    return {
        "question_id": vote.question_id,
        "turn": vote.turn,
        "judge": vote.judge,
        "model_a": vote.model_a,
        "model_b": vote.model_b,
        "winner": vote.winner,
    }


def _grade_row(grade: GradedJudgment) -> dict[str, Any]:
    return {
        "question_id": grade.question_id,
        "turn": grade.turn,
        "judge": grade.judge,
        "model": grade.model,
        "score": grade.score,
    }
