"""Read and render LLMBar: pairs of outputs with a gold label, and recorded judges in both orders.

    dataset.json                            [{"input", "output_1", "output_2", "label": 1|2}, ...]
    evaluators/MODEL/PROMPT/result.json     the same, with "results": [..., {"swap = False":
                                            {"completion", "winner"}, "swap = True": ...}]

The two outputs, output_1 and output_2, stand for the two models. A gold label is a vote by the judge
`gold`. `winner` is the number of an output in both orders, not a place.
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
    convert_row,
    find_files,
    look_up_label,
    read_json_array,
)
from evalharness.formats.rows.row_writer import ExportedFiles, encode_json_array, make_file_name
from evalharness.formats.rows.unmapped_fields import pair_games
from evalharness.stats import GOLD_JUDGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

OUTPUTS = ("output_1", "output_2")

_LABELS = {1: Winner.MODEL_A, 2: Winner.MODEL_B}
_LABEL_BY_WINNER = {winner: label for label, winner in _LABELS.items()}
_FIRST_VERDICTS = {"1": Verdict.A, "2": Verdict.B, "tie": Verdict.TIE, None: None}
_SECOND_VERDICTS = {"1": Verdict.B, "2": Verdict.A, "tie": Verdict.TIE, None: None}
_ORDERS = ("swap = False", "swap = True")
_DERIVED_FILE = "statistics.json"


class _LlmBarPair(msgspec.Struct):
    input: str
    output_1: str
    output_2: str
    label: int


class _LlmBarGame(msgspec.Struct):
    winner: str | None = None
    completion: list[str | None] = []


def add_llmbar(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the pairs in files, their labels, and the judgments on them.

    Raises:
        InputError: a file is damaged.
        ConfigError: a path does not exist.
    """
    imported.cautions.append(describe_labelled_set(OUTPUTS))
    skipped = 0
    for path in find_files(paths, ".json"):
        if path.name == _DERIVED_FILE and path not in paths:
            skipped += 1
            continue
        imported.paths.append(path)
        for line, row in read_json_array(path):
            _add_pair(row, imported, RowLocation(path=path, line=line))
    if skipped:
        imported.warnings.append(
            f"{skipped} files {_DERIVED_FILE} are not read, as they follow from the results"
        )


def render_llmbar(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the labelled pairs of a run, and the games on them, as files."""
    files = ExportedFiles(source)
    texts = {(a.model, a.question_id): a.turns[0].text for a in records.answers}
    labels = {vote.question_id: vote.winner for vote in records.votes if vote.judge == GOLD_JUDGE}
    pairs = {
        question.question_id: _render_pair(question, texts, labels[question.question_id])
        for question in records.questions
        if question.question_id in labels
    }
    for question in records.questions:
        if question.question_id in pairs:
            name = f"{make_file_name(question.category)}/dataset.json"
            files.add_row(name, "pair", question.question_id, pairs[question.question_id])
    games = (game for game in records.games if game.question_id in pairs)
    categories = {question.question_id: question.category for question in records.questions}
    for first, second in pair_games(games, source, "games"):
        rendered = pairs[first.question_id] | {"results": [_render_games(first, second)]}
        folder = f"{make_file_name(categories[first.question_id])}/evaluators"
        name = f"{folder}/{_make_folder_name(first)}/result.json"
        files.add_row(name, "games", first.digest, rendered)
    return files.encode(encode_json_array)


FORMAT = Format(name="llmbar", add_files=add_llmbar, render_files=render_llmbar)


def _add_pair(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> None:
    parsed = imported.read_row(row, _LlmBarPair, location)
    pair_id = compute_digest([parsed.input, parsed.output_1, parsed.output_2])[:12]
    kind = "games" if "results" in row else "pair"
    key = (
        compute_digest(["games", pair_id, _name_judge(location.path, imported)])
        if kind == "games"
        else pair_id
    )
    if not imported.register_row(kind, key, row, location):
        return
    category = _name_category(location.path)
    question = Question(question_id=pair_id, category=category, turns=(parsed.input,))
    if pair_id not in imported.questions:
        imported.add_question(question, location)
    texts = {(output, pair_id): getattr(parsed, output) for output in OUTPUTS}
    for output in OUTPUTS:
        imported.add_answer(pair_id, output, [texts[output, pair_id]], location)
    if parsed.label not in _LABELS:
        location.refuse(f"unknown label {parsed.label}: must be 1 or 2")
    winner = _LABELS[parsed.label]
    refusal = "another file has the other label for this pair"
    imported.add_gold_vote(make_gold_vote(pair_id, OUTPUTS, winner), refusal, location)
    rendered = _render_pair(question, texts, winner)
    if kind == "games":
        judge = _name_judge(location.path, imported)
        first, second = _make_games(row, pair_id, judge, key, location)
        imported.add_judgment(first, location)
        imported.add_judgment(second, location)
        rendered |= {"results": [_render_games(first, second)]}
    imported.keep_unmapped_fields(kind, key, row, rendered)


def _make_games(
    row: JsonRow, pair_id: str, judge: str, key: str, location: RowLocation
) -> tuple[PairwiseJudgment, PairwiseJudgment]:
    """Return both games of a pair, which are the last of its results.

    Earlier results are replies to questions before the comparison.
    """
    results = row["results"]
    last = results[-1] if isinstance(results, list) and results else None
    if not isinstance(last, dict) or any(order not in last for order in _ORDERS):
        location.refuse(f"results must end with an object of {' and '.join(_ORDERS)}")
    games = [convert_row(last[order], _LlmBarGame, location) for order in _ORDERS]
    first, second = (
        _make_game(game, pair_id, judge, game_key, order, verdicts, location)
        for game, game_key, order, verdicts in zip(
            games,
            (key, compute_digest([key, "swapped"])),
            (OUTPUTS, OUTPUTS[::-1]),
            (_FIRST_VERDICTS, _SECOND_VERDICTS),
            strict=True,
        )
    )
    return first, second


def _make_game(
    game: _LlmBarGame,
    pair_id: str,
    judge: str,
    key: str,
    order: tuple[str, str],
    verdicts: Mapping[str | None, Verdict | None],
    location: RowLocation,
) -> PairwiseJudgment:
    verdict = look_up_label(verdicts, game.winner, "winner", location)
    return PairwiseJudgment(
        question_id=pair_id,
        turn=1,
        judge=judge,
        prompt=location.path.parent.name,
        model_a=order[0],
        model_b=order[1],
        verdict=verdict,
        unscored=UNSCORED_IN_SOURCE if verdict is None else None,
        reply=(game.completion[0] if game.completion else None) or "",
        digest=key,
    )


def _name_judge(path: Path, imported: ImportedRecords) -> str:
    """Return the name of a judge, which is made of the folders of its results."""
    return imported.names.read(
        f"{path.parent.parent.name or 'judge'}/{path.parent.name or 'prompt'}"
    )


def _make_folder_name(game: PairwiseJudgment) -> str:
    model, _, prompt = game.judge.rpartition("/")
    return (
        f"{make_file_name(model or game.judge)}/{make_file_name(prompt if model else game.prompt)}"
    )


def _name_category(path: Path) -> str:
    """Return the name of the set, which is the folder that holds the dataset or the evaluators."""
    parts = path.parent.parts
    if "evaluators" in parts[1:]:
        parts = parts[: parts.index("evaluators", 1)]
    return parts[-1] if parts and parts[-1].strip("/") else "llmbar"


def _render_pair(
    question: Question, texts: Mapping[tuple[str, str], str], winner: Winner | None
) -> dict[str, Any]:
    pair_id = question.question_id
    return {
        "input": question.turns[0],
        **{output: texts.get((output, pair_id), "") for output in OUTPUTS},
        "label": _LABEL_BY_WINNER.get(winner) if winner else None,
    }


def _render_games(first: PairwiseJudgment, second: PairwiseJudgment | None) -> dict[str, Any]:
    first_winners = {verdict: winner for winner, verdict in _FIRST_VERDICTS.items()}
    second_winners = {verdict: winner for winner, verdict in _SECOND_VERDICTS.items()}
    verdict = second.verdict if second else None
    reply = second.reply if second else ""
    return {
        _ORDERS[0]: {"completion": [first.reply, "stop"], "winner": first_winners[first.verdict]},
        _ORDERS[1]: {"completion": [reply, "stop"], "winner": second_winners[verdict]},
    }
