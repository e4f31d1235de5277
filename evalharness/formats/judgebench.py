"""Read and render JudgeBench: pairs of responses with a gold label, and recorded judges.

    {"pair_id", "source", "question", "response_model", "response_A", "response_B",
     "label": "A>B"|"B>A", "judge_name"?, "judgments"?: [{"judgment", "decision"} | null, ...]}

Both responses of a pair are by one model, so response_A and response_B stand for the two models. A
gold label is a vote by the judge `gold`. The second judgment is of the swapped order, and its
decision names the places of that order. A judge is the judge model with its method (`judge_name`),
because one file holds the judgments of one model, and the method is the same for many models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import PairwiseJudgment, Question, Verdict, Winner, compute_digest
from evalharness.formats.interface import Format
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE, ImportedRecords
from evalharness.formats.rows.labelled_pairs import describe_labelled_set, make_gold_vote
from evalharness.formats.rows.row_location import RowLocation
from evalharness.formats.rows.row_reader import (
    find_files,
    look_up_label,
    read_json_lines,
)
from evalharness.formats.rows.row_writer import ExportedFiles, encode_json_lines, make_file_name
from evalharness.formats.rows.unmapped_fields import pair_games
from evalharness.stats import GOLD_JUDGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

RESPONSES = ("response_A", "response_B")

_LABELS = {"A>B": Winner.MODEL_A, "B>A": Winner.MODEL_B}
_LABEL_BY_WINNER = {winner: label for label, winner in _LABELS.items()}
_VERDICTS = {"A>B": Verdict.A, "B>A": Verdict.B, "A=B": Verdict.TIE, None: None}
_DECISIONS = {verdict: decision for decision, verdict in _VERDICTS.items()}
_GAMES_PER_ROW = 2


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


def add_judgebench(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the pairs in files, their labels, and the judgments on them.

    Raises:
        InputError: a file is damaged.
        ConfigError: a path does not exist.
    """
    imported.cautions.append(describe_labelled_set(RESPONSES))
    for path in find_files(paths, ".jsonl"):
        imported.paths.append(path)
        models = (_find_judge_model(row) for _, row in read_json_lines(path))
        judge_model = next((model for model in models if model), "")
        for line, row in read_json_lines(path):
            _add_pair(row, judge_model, imported, RowLocation(path=path, line=line))


def render_judgebench(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the labelled pairs of a run, and the games on them, as one file for each judge."""
    files = ExportedFiles(source)
    texts = {(a.model, a.question_id): a.turns[0].text for a in records.answers}
    labels = {vote.question_id: vote.winner for vote in records.votes if vote.judge == GOLD_JUDGE}
    labelled = [q for q in records.questions if labels.get(q.question_id) is not None]
    pairs = {q.question_id: _render_pair(q, texts, labels[q.question_id]) for q in labelled}
    judged = set()
    games = (game for game in records.games if game.question_id in pairs)
    for first, second in pair_games(games, source, "games"):
        judged.add(first.question_id)
        rendered = pairs[first.question_id] | _render_games(first, second)
        name = f"outputs/{make_file_name(first.judge)}.jsonl"
        files.add_row(name, "games", first.digest, rendered)
    for key, rendered in pairs.items():
        if source.has_row("pair", key) or key not in judged:
            files.add_row("pairs.jsonl", "pair", key, rendered)
    return files.encode(encode_json_lines)


FORMAT = Format(name="judgebench", add_files=add_judgebench, render_files=render_judgebench)


def _find_judge_model(row: JsonRow) -> str:
    """Return the name of the model that made the judgments of a row; empty if none is given."""
    judgments = row.get("judgments")
    for each in judgments if isinstance(judgments, list) else []:
        judgment = each.get("judgment") if isinstance(each, dict) else None
        model = judgment.get("judge_model") if isinstance(judgment, dict) else None
        if isinstance(model, str) and model.strip():
            return model
    return ""


def _add_pair(
    row: JsonRow, judge_model: str, imported: ImportedRecords, location: RowLocation
) -> None:
    parsed = imported.read_row(row, _JudgeBenchPair, location)
    pair_id = parsed.pair_id
    kind = "pair" if parsed.judgments is None else "games"
    method = parsed.judge_name or location.path.stem
    model = _find_judge_model(row) or judge_model
    judge = imported.names.read(f"{model}/{method}" if model else method)
    key = pair_id if kind == "pair" else compute_digest(["games", pair_id, judge])
    if not imported.register_row(kind, key, row, location):
        return
    question = Question(question_id=pair_id, category=parsed.source, turns=(parsed.question,))
    imported.add_question(question, location)
    winner = look_up_label(_LABELS, parsed.label, "label", location)
    texts = {}
    for response in RESPONSES:
        texts[response, pair_id] = getattr(parsed, response)
        if not imported.add_answer(pair_id, response, [texts[response, pair_id]], location):
            location.refuse(f"{response} of the pair {pair_id} is another one elsewhere")
    refusal = f"the pair {pair_id} has the other label elsewhere"
    imported.add_gold_vote(make_gold_vote(pair_id, RESPONSES, winner), refusal, location)
    rendered = _render_pair(question, texts, winner)
    if parsed.judgments is not None:
        games = _make_games(parsed.judgments, pair_id, (judge, method), key, location)
        for game in games:
            imported.add_judgment(game, location)
        rendered |= _render_games(*games)
    imported.keep_unmapped_fields(kind, key, row, rendered)


def _make_games(
    judgments: Sequence[_JudgeBenchJudgment | None],
    pair_id: str,
    judge_and_method: tuple[str, str],
    key: str,
    location: RowLocation,
) -> tuple[PairwiseJudgment, PairwiseJudgment]:
    """Return the games of a pair in both orders."""
    if len(judgments) != _GAMES_PER_ROW:
        location.refuse(f"{len(judgments)} judgments: must be two, one an order")
    first, second = (
        PairwiseJudgment(
            question_id=pair_id,
            turn=1,
            judge=judge_and_method[0],
            prompt=judge_and_method[1],
            model_a=order[0],
            model_b=order[1],
            verdict=look_up_label(
                _VERDICTS, judgment.decision if judgment else None, "decision", location
            ),
            unscored=None if judgment and judgment.decision else UNSCORED_IN_SOURCE,
            reply=str(judgment.judgment.get("response", "")) if judgment else "",
            digest=game_key,
        )
        for judgment, order, game_key in zip(
            judgments,
            (RESPONSES, RESPONSES[::-1]),
            (key, compute_digest([key, "swapped"])),
            strict=True,
        )
    )
    return first, second


def _render_pair(
    question: Question, texts: Mapping[tuple[str, str], str], winner: Winner | None
) -> dict[str, Any]:
    pair_id = question.question_id
    return {
        "pair_id": pair_id,
        "source": question.category,
        "question": question.turns[0],
        **{response: texts.get((response, pair_id), "") for response in RESPONSES},
        "label": _LABEL_BY_WINNER.get(winner) if winner else None,
    }


def _render_games(first: PairwiseJudgment, second: PairwiseJudgment | None) -> dict[str, Any]:
    model = first.judge.removesuffix(f"/{first.prompt}")
    named = {} if model == first.judge else {"judge_model": model}
    return {
        "judge_name": first.prompt if named else first.judge,
        "judgments": [
            {"judgment": {**named, "response": game.reply}, "decision": _DECISIONS[game.verdict]}
            if game
            else None
            for game in (first, second)
        ],
    }
