"""Read and render battles of the Chatbot Arena and similar sites, as a JSON array or JSON lines.

    {"model_a", "model_b", "winner": "model_a"|"model_b"|"tie"|"tie (bothbad)"|"both_bad",
     "judge"?, "question_id"?, ...}

A person saw the answers once, in one order, so a battle is a vote, and equal rows are several votes
unless an id (`id`, `vote_id`, `battle_id`, a session with its order, a judge with a time) says that
they are one. All other fields of a row
(conversations, languages, token counts) are restored on export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Vote, Winner
from evalharness.formats.interface import Format
from evalharness.formats.rows.row_location import RowLocation
from evalharness.formats.rows.row_reader import (
    find_files,
    look_up_label,
    read_json_rows,
)
from evalharness.formats.rows.row_writer import encode_json_array, find_source_label
from evalharness.formats.rows.vote_keys import make_vote_keys
from evalharness.judge import settle_battles
from evalharness.stats import HUMAN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import Battle, RunRecords
    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

WINNERS = {
    "model_a": Winner.MODEL_A,
    "model_b": Winner.MODEL_B,
    "tie": Winner.TIE,
    "tie (bothbad)": Winner.TIE,
    "both_bad": Winner.TIE,
}


class _ArenaBattle(msgspec.Struct):
    model_a: str
    model_b: str
    winner: str
    judge: str | None = None
    judge_model: str | None = None
    evaluation_session_id: str | None = None
    question_id: str | int | None = None
    id: str | int | None = None


def add_arena_battles(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the battles in files.

    Raises:
        InputError: a file is damaged, or a winner is unknown.
        ConfigError: a path does not exist.
    """
    for path in find_files(paths, ".json", ".jsonl"):
        imported.paths.append(path)
        keys = make_vote_keys("battle", (row for _, row in read_json_rows(path)))
        for (line, row), key in zip(read_json_rows(path), keys, strict=True):
            _add_battle(row, key, imported, RowLocation(path=path, line=line))


def render_arena_battles(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the settled battles and the votes of a run as one array."""
    rows = [_render_battle(battle) for battle in settle_battles(records.games)]
    rows += [
        source.restore_row("battle", vote.digest, _render_vote(vote))
        for vote in records.votes
        if vote.winner is not None
    ]
    return {"battles.json": encode_json_array(rows)}


FORMAT = Format(
    name="arena-battles", add_files=add_arena_battles, render_files=render_arena_battles
)


def _add_battle(row: JsonRow, key: str, imported: ImportedRecords, location: RowLocation) -> None:
    parsed = imported.read_row(
        row, _ArenaBattle, location, "model_a", "model_b", "judge", "judge_model"
    )
    winner = look_up_label(WINNERS, parsed.winner, "winner", location)
    if imported.leave_out_self_comparison((parsed.model_a, parsed.model_b), location):
        return
    if not imported.register_row("battle", key, row, location):
        return
    question_id = parsed.question_id if parsed.question_id is not None else parsed.id
    vote = Vote(
        question_id=str(question_id) if question_id not in (None, "") else key,
        judge=_name_judge(parsed),
        model_a=parsed.model_a,
        model_b=parsed.model_b,
        winner=winner,
        label=parsed.winner if parsed.winner != winner else None,
        digest=key,
    )
    imported.add_vote(vote, location)
    imported.keep_unmapped_fields("battle", key, row, _render_vote(vote))


def _name_judge(parsed: _ArenaBattle) -> str:
    if parsed.judge_model:
        return parsed.judge_model
    person = parsed.judge or parsed.evaluation_session_id
    return f"{HUMAN_PREFIX}:{person}" if person else HUMAN_PREFIX


def _render_vote(vote: Vote) -> dict[str, Any]:
    return {
        "question_id": vote.question_id,
        "model_a": vote.model_a,
        "model_b": vote.model_b,
        "winner": find_source_label(vote),
        "judge": vote.judge.removeprefix(f"{HUMAN_PREFIX}:"),
    }


def _render_battle(battle: Battle) -> dict[str, Any]:
    return {
        "question_id": battle.question_id,
        "model_a": battle.model_a,
        "model_b": battle.model_b,
        "winner": battle.winner.value,
        "judge": battle.judge,
        "turn": battle.turn,
    }
