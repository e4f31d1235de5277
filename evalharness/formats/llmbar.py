"""LLMBar: pairs of outputs with a gold label, and recorded judges in both orders.

    dataset.json                            [{"input", "output_1", "output_2", "label": 1|2}, ...]
    evaluators/MODEL/PROMPT/result.json     the same, with "results": [..., {"swap = False":
                                            {"completion", "winner"}, "swap = True": ...}]

The two outputs are the two "models" here, output_1 and output_2; a gold label is a vote by the
judge `gold`. `winner` is the number of an output in both orders, not a place.
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
from evalharness.formats.rows.row_reader import array, convert_row, find_files
from evalharness.formats.rows.row_writer import array as array_of
from evalharness.formats.rows.row_writer import make_file_name
from evalharness.formats.rows.unmapped_fields import pair_games

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

GOLD = "gold"
OUTPUTS = ("output_1", "output_2")
CAUTION = (
    "output_1 and output_2 are places in a labelled set, not models: their ratings mean nothing. "
    "What this run shows is how well judges find the label."
)

_LABELS = {1: Winner.MODEL_A, 2: Winner.MODEL_B}
_NUMBERS = {winner: number for number, winner in _LABELS.items()}
_FIRST_VERDICTS = {"1": Verdict.A, "2": Verdict.B, "tie": Verdict.TIE, None: None}
_SECOND_VERDICTS = {"1": Verdict.B, "2": Verdict.A, "tie": Verdict.TIE, None: None}
_ORDERS = ("swap = False", "swap = True")


class _LlmBarPair(msgspec.Struct):
    input: str
    output_1: str
    output_2: str
    label: int


class _LlmBarGame(msgspec.Struct):
    winner: str | None = None
    completion: list[str | None] = []


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return the pairs, their labels, and what judges said of them.

    Raises:
        InputError: a file is not as it should be.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("llmbar")
    gathering.cautions.append(CAUTION)
    skipped = []
    for path in find_files(paths, ".json"):
        if path.name == "statistics.json" and path not in paths:
            skipped.append(path)
            continue
        gathering.paths.append(path)
        for line, row in array(path):
            _read_pair(row, gathering, RowLocation(path=path, line=line))
    if skipped:
        said = f"{len(skipped)} files statistics.json are not read, as they follow from the results"
        gathering.warnings.append(said)
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the labelled pairs of a run, and the games on them."""
    files: dict[str, list[JsonRow]] = {}
    texts = {(a.model, a.question_id): a.turns[0].text for a in records.answers}
    labels = {vote.question_id: vote.winner for vote in records.votes if vote.judge == GOLD}
    pairs = {
        question.question_id: _pair_row(question, texts, labels)
        for question in records.questions
        if question.question_id in labels
    }
    for question in records.questions:
        key = question.question_id
        if key in pairs and (source.has("pair", key) or not source.has("result", key)):
            name = f"{make_file_name(question.category)}/dataset.json"
            files.setdefault(name, []).append(source.restore("pair", key, pairs[key]))
    games = (game for game in records.games if game.question_id in pairs)
    categories = {question.question_id: question.category for question in records.questions}
    for first, second in pair_games(games, source, "games"):
        rendered = pairs[first.question_id] | {"results": [_results(first, second)]}
        row = source.restore("games", first.digest, rendered)
        place = f"{make_file_name(categories[first.question_id])}/evaluators/{_folder(first)}"
        files.setdefault(f"{place}/result.json", []).append(row)
    return {name: array_of(found) for name, found in files.items()}


def _read_pair(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> None:
    given = convert_row(row, _LlmBarPair, at.path, at.line)
    key = digest([given.input, given.output_1, given.output_2])[:12]
    kind = "games" if "results" in row else "pair"
    place = digest(["games", key, _judge(at.path)]) if kind == "games" else key
    if not gathering.is_new(kind, place, row, at):
        return
    question = Question(question_id=key, category=_category(at.path), turns=(given.input,))
    if key not in gathering.questions:
        gathering.add_question(question, at)
    for output in OUTPUTS:
        gathering.add_answer(key, output, [getattr(given, output)], at)
    _add_label(given, key, gathering, at)
    texts = {(output, key): getattr(given, output) for output in OUTPUTS}
    rendered = _pair_row(question, texts, {key: _LABELS[given.label]})
    if kind == "games":
        first, second = _games(row, key, place, at)
        gathering.add_judgment(first, at)
        gathering.add_judgment(second, at)
        rendered |= {"results": [_results(first, second)]}
    gathering.keep_beyond(kind, place, row, rendered)


def _add_label(given: _LlmBarPair, key: str, gathering: ImportedRecords, at: RowLocation) -> None:
    if given.label not in _LABELS:
        at.refuse(f"unknown label {given.label}: must be 1 or 2")
    vote = Vote(
        question_id=key,
        judge=GOLD,
        model_a=OUTPUTS[0],
        model_b=OUTPUTS[1],
        winner=_LABELS[given.label],
        digest=digest([GOLD, key]),
    )
    if gathering.votes.setdefault(vote.digest, vote) != vote:
        at.refuse("another file has the other label for this pair")


def _games(
    row: JsonRow, key: str, place: str, at: RowLocation
) -> tuple[PairwiseJudgment, PairwiseJudgment]:
    """Return both games of a result; what a judge was asked before them comes first in a list."""
    results = row["results"]
    last = results[-1] if isinstance(results, list) and results else None
    if not isinstance(last, dict) or any(order not in last for order in _ORDERS):
        at.refuse(f"results must end with an object of {' and '.join(_ORDERS)}")
    forth, back = (convert_row(last[order], _LlmBarGame, at.path, at.line) for order in _ORDERS)
    return (
        _game(
            forth,
            key,
            place,
            OUTPUTS,
            look_up_label(_FIRST_VERDICTS, forth.winner, "winner", at),
            at,
        ),
        _game(
            back,
            key,
            digest([place, "swapped"]),
            OUTPUTS[::-1],
            look_up_label(_SECOND_VERDICTS, back.winner, "winner", at),
            at,
        ),
    )


def _game(
    given: _LlmBarGame,
    key: str,
    place: str,
    shown: tuple[str, ...],
    verdict: Verdict | None,
    at: RowLocation,
) -> PairwiseJudgment:
    return PairwiseJudgment(
        question_id=key,
        turn=1,
        judge=_judge(at.path),
        prompt=at.path.parent.name,
        model_a=shown[0],
        model_b=shown[1],
        verdict=verdict,
        unscored=UNSCORED_IN_SOURCE if verdict is None else None,
        reply=(given.completion[0] if given.completion else None) or "",
        digest=place,
    )


def _judge(path: Path) -> str:
    """Return a judge's name from the folders of its results."""
    return f"{path.parent.parent.name or 'judge'}/{path.parent.name or 'prompt'}"


def _folder(game: PairwiseJudgment) -> str:
    model, _, prompt = game.judge.rpartition("/")
    return (
        f"{make_file_name(model or game.judge)}/{make_file_name(prompt if model else game.prompt)}"
    )


def _category(path: Path) -> str:
    """Return the name of the set: the folder that holds the dataset or the evaluators."""
    parts = path.parent.parts
    if "evaluators" in parts[1:]:
        parts = parts[: parts.index("evaluators", 1)]
    return parts[-1] if parts and parts[-1].strip("/") else "llmbar"


def _pair_row(
    question: Question,
    texts: dict[tuple[str, str], str],
    labels: dict[str, Winner] | dict[str, Winner | None],
) -> dict[str, Any]:
    key = question.question_id
    winner = labels[key]
    return {
        "input": question.turns[0],
        **{output: texts.get((output, key), "") for output in OUTPUTS},
        "label": _NUMBERS.get(winner) if winner else None,
    }


def _results(first: PairwiseJudgment, second: PairwiseJudgment | None) -> dict[str, Any]:
    forth = {verdict: winner for winner, verdict in _FIRST_VERDICTS.items()}
    back = {verdict: winner for winner, verdict in _SECOND_VERDICTS.items()}
    verdict = second.verdict if second else None
    reply = second.reply if second else ""
    return {
        _ORDERS[0]: {"completion": [first.reply, "stop"], "winner": forth[first.verdict]},
        _ORDERS[1]: {"completion": [reply, "stop"], "winner": back[verdict]},
    }
