"""Battles of the Chatbot Arena and its kin: a JSON array or JSON lines of people's votes.

    {"model_a", "model_b", "winner": "model_a"|"model_b"|"tie"|"tie (bothbad)"|"both_bad",
     "judge"?, "question_id"?, ...}

A person saw one order once, so a battle is a vote. Whatever else a row holds (conversations,
languages, token counts) comes back on export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Vote, Winner, digest
from evalharness.formats.rows.imported_records import ImportedRecords, RowLocation, look_up_label
from evalharness.formats.rows.row_reader import convert_row, find_files, read_json_rows
from evalharness.formats.rows.row_writer import array as array_of
from evalharness.formats.rows.row_writer import find_source_label
from evalharness.judge import settle_battles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Battle, RunRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

WINNERS = {
    "model_a": Winner.MODEL_A,
    "model_b": Winner.MODEL_B,
    "tie": Winner.TIE,
    "tie (bothbad)": Winner.TIE,
    "both_bad": Winner.TIE,
}
_IDENTIFYING_FIELDS = ("question_id", "id", "evaluation_session_id", "tstamp")
"""Fields by which equal rows are known to be one battle, and not two that ended alike."""


class _ArenaBattle(msgspec.Struct):
    model_a: str
    model_b: str
    winner: str
    judge: str | None = None
    judge_model: str | None = None
    evaluation_session_id: str | None = None
    question_id: str | int | None = None
    id: str | int | None = None


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return the battles of files.

    Raises:
        InputError: a file is not as it should be, or a winner is unknown.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("arena-battles")
    for path in find_files(paths, ".json", ".jsonl"):
        gathering.paths.append(path)
        for line, row in read_json_rows(path):
            _read_battle(row, gathering, RowLocation(path=path, line=line))
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run's settled battles and votes as one array."""
    found = [_battle_row(battle) for battle in settle_battles(records.games)]
    found += [
        source.restore("battle", vote.digest, _vote_row(vote))
        for vote in records.votes
        if vote.winner is not None
    ]
    return {"battles.json": array_of(found)}


def _read_battle(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> None:
    given = convert_row(row, _ArenaBattle, at.path, at.line)
    winner = look_up_label(WINNERS, given.winner, "winner", at)
    key = _key(row, at)
    if not gathering.is_new("battle", key, row, at):
        return
    question_id = given.question_id if given.question_id is not None else given.id
    vote = Vote(
        question_id=str(question_id) if question_id not in (None, "") else key,
        judge=_judge(given),
        model_a=given.model_a,
        model_b=given.model_b,
        winner=winner,
        label=given.winner if given.winner != winner else None,
        digest=key,
    )
    gathering.add_vote(vote, at)
    gathering.keep_beyond("battle", key, row, _vote_row(vote))


def _key(row: Mapping[str, Any], at: RowLocation) -> str:
    """Return what makes a battle itself: all that it says, or its place where it says little."""
    if any(name in row for name in _IDENTIFYING_FIELDS):
        return digest(["battle", row])
    return digest(["battle", at.path.name, at.line, row])


def _judge(given: _ArenaBattle) -> str:
    if given.judge_model:
        return given.judge_model
    person = given.judge or given.evaluation_session_id
    return f"human:{person}" if person else "human"


def _vote_row(vote: Vote) -> dict[str, Any]:
    return {
        "question_id": vote.question_id,
        "model_a": vote.model_a,
        "model_b": vote.model_b,
        "winner": find_source_label(vote),
        "judge": vote.judge.removeprefix("human:"),
    }


def _battle_row(battle: Battle) -> dict[str, Any]:
    return {
        "question_id": battle.question_id,
        "model_a": battle.model_a,
        "model_b": battle.model_b,
        "winner": battle.winner.value,
        "judge": battle.judge,
        "turn": battle.turn,
    }
