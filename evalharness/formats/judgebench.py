"""JudgeBench: pairs of one model's responses with a gold label, and recorded judges.

    {"pair_id", "source", "question", "response_model", "response_A", "response_B",
     "label": "A>B"|"B>A", "judge_name"?, "judgments"?: [{"judgment", "decision"} | null, ...]}

Both responses are one model's, so the two "models" here are response_A and response_B; a gold label
is a vote by the judge `gold`. The second judgment is of the swapped order, and its decision is what
the judge wrote of that order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import PairwiseJudgment, Question, Verdict, Vote, Winner, digest
from evalharness.formats.rows.imported_records import (
    UNSCORED_IN_SOURCE,
    ImportedRecords,
    RowLocation,
    look_up_label,
)
from evalharness.formats.rows.row_reader import convert_row, find_files, rows
from evalharness.formats.rows.row_writer import lines, make_file_name
from evalharness.formats.rows.unmapped_fields import pair_games

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

GOLD = "gold"
RESPONSES = ("response_A", "response_B")
CAUTION = (
    "response_A and response_B are places in a labelled set, not models: their ratings mean "
    "nothing. What this run shows is how well judges find the label."
)

_LABELS = {"A>B": Winner.MODEL_A, "B>A": Winner.MODEL_B}
_TEXTS = {winner: text for text, winner in _LABELS.items()}
_VERDICTS = {"A>B": Verdict.A, "B>A": Verdict.B, "A=B": Verdict.TIE, None: None}
_DECISIONS = {verdict: text for text, verdict in _VERDICTS.items()}
_GAMES = 2


class _JudgeBenchJudgment(msgspec.Struct):
    decision: str | None = None
    judgment: dict[str, Any] = {}


class _JudgeBenchPair(msgspec.Struct):
    pair_id: str
    question: str
    response_A: str  # noqa: N815 - JudgeBench's own name
    response_B: str  # noqa: N815 - JudgeBench's own name
    label: str
    source: str = "judgebench"
    judge_name: str | None = None
    judgments: list[_JudgeBenchJudgment | None] | None = None


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return the pairs, their labels, and what judges said of them.

    Raises:
        InputError: a file is not as it should be.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("judgebench")
    gathering.cautions.append(CAUTION)
    for path in find_files(paths, ".jsonl"):
        gathering.paths.append(path)
        for line, row in rows(path):
            _read_pair(row, gathering, RowLocation(path=path, line=line))
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the labelled pairs of a run, and the games on them, one file a judge."""
    files: dict[str, list[JsonRow]] = {}
    texts = {(a.model, a.question_id): a.turns[0].text for a in records.answers}
    labels = {vote.question_id: vote.winner for vote in records.votes if vote.judge == GOLD}
    labelled = [q for q in records.questions if labels.get(q.question_id) is not None]
    pairs = {q.question_id: _pair_row(q, texts, labels[q.question_id]) for q in labelled}
    judged = set()
    games = (game for game in records.games if game.question_id in pairs)
    for first, second in pair_games(games, source, "games"):
        judged.add(first.question_id)
        rendered = pairs[first.question_id] | _games_row(first, second)
        row = source.restore("games", first.digest, rendered)
        files.setdefault(f"outputs/{make_file_name(first.judge)}.jsonl", []).append(row)
    for key, rendered in pairs.items():
        if source.has("pair", key) or key not in judged:
            files.setdefault("pairs.jsonl", []).append(source.restore("pair", key, rendered))
    return {name: lines(found) for name, found in files.items()}


def _read_pair(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> None:
    given = convert_row(row, _JudgeBenchPair, at.path, at.line)
    key = given.pair_id
    kind = "pair" if given.judgments is None else "games"
    judge = given.judge_name or at.path.stem
    place = key if kind == "pair" else digest(["games", key, judge])
    if not gathering.is_new(kind, place, row, at):
        return
    question = Question(question_id=key, category=given.source, turns=(given.question,))
    gathering.add_question(question, at)
    winner = look_up_label(_LABELS, given.label, "label", at)
    texts = {}
    for response in RESPONSES:
        texts[response, key] = getattr(given, response)
        if not gathering.add_answer(key, response, [texts[response, key]], at):
            at.refuse(f"{response} of the pair {key} is another one elsewhere")
    vote = Vote(
        question_id=key,
        judge=GOLD,
        model_a=RESPONSES[0],
        model_b=RESPONSES[1],
        winner=winner,
        digest=digest([GOLD, key]),
    )
    if gathering.votes.setdefault(vote.digest, vote) != vote:
        at.refuse(f"the pair {key} has the other label elsewhere")
    rendered = _pair_row(question, texts, winner)
    if given.judgments is not None:
        played = _play(given.judgments, key, judge, place, at)
        for game in played:
            gathering.add_judgment(game, at)
        rendered |= _games_row(*played)
    gathering.keep_beyond(kind, place, row, rendered)


def _play(
    judgments: Sequence[_JudgeBenchJudgment | None],
    key: str,
    judge: str,
    place: str,
    at: RowLocation,
) -> tuple[PairwiseJudgment, PairwiseJudgment]:
    if len(judgments) != _GAMES:
        at.refuse(f"{len(judgments)} judgments: must be two, one an order")
    first, second = (
        PairwiseJudgment(
            question_id=key,
            turn=1,
            judge=judge,
            prompt="judgebench",
            model_a=shown[0],
            model_b=shown[1],
            verdict=look_up_label(_VERDICTS, given.decision if given else None, "decision", at),
            unscored=None if given and given.decision else UNSCORED_IN_SOURCE,
            reply=str(given.judgment.get("response", "")) if given else "",
            digest=number,
        )
        for given, shown, number in zip(
            judgments,
            (RESPONSES, RESPONSES[::-1]),
            (place, digest([place, "swapped"])),
            strict=True,
        )
    )
    return first, second


def _pair_row(
    question: Question, texts: dict[tuple[str, str], str], winner: Winner | None
) -> dict[str, Any]:
    key = question.question_id
    return {
        "pair_id": key,
        "source": question.category,
        "question": question.turns[0],
        **{response: texts.get((response, key), "") for response in RESPONSES},
        "label": _TEXTS.get(winner) if winner else None,
    }


def _games_row(first: PairwiseJudgment, second: PairwiseJudgment | None) -> dict[str, Any]:
    return {
        "judge_name": first.judge,
        "judgments": [
            {"judgment": {"response": game.reply}, "decision": _DECISIONS[game.verdict]}
            if game
            else None
            for game in (first, second)
        ],
    }
