"""AlpacaEval: models' outputs, and an annotator's preferences against a baseline.

    MODEL/model_outputs.json            [{"instruction", "output", "generator", "dataset"}, ...]
    MODEL/ANNOTATOR/annotations.json    [{"instruction", "output_1", "generator_1", "output_2",
                                          "generator_2", "annotator", "preference"}, ...]

`preference` is 1 where output 1 (the baseline's) is better, 2 where output 2 is, 1.5 (in old files
0) for a draw, a number between them for a probability, null where there is none. Only the
annotator's final word is kept, so an annotation is a vote, not a game. A question is known by its
instruction, as these files have no ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Question, Vote, Winner, digest
from evalharness.errors import ConfigError
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE, ImportedRecords
from evalharness.formats.rows.row_kinds import read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_reader import convert_row
from evalharness.formats.rows.row_writer import array, make_file_name
from evalharness.formats.rows.unmapped_fields import make_answer_key
from evalharness.judge import settle_battles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Answer, Battle, PairwiseJudgment, RunRecords
    from evalharness.formats.rows.imported_records import RowLocation
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

_FIELDS_BY_KIND = {
    "annotation": {"instruction", "generator_1", "generator_2", "preference"},
    "output": {"instruction", "output", "generator"},
}
_BASELINE, _DRAW, _MODEL = 1.0, 1.5, 2.0
_LEGACY_DRAW = 0.0
_FAILED = -1.0


class _AlpacaOutput(msgspec.Struct):
    instruction: str
    output: str
    generator: str
    dataset: str = "alpaca_eval"
    input: str = ""


class _AlpacaAnnotation(msgspec.Struct):
    instruction: str
    output_1: str
    generator_1: str
    output_2: str
    generator_2: str
    annotator: str
    preference: float | None
    dataset: str = "alpaca_eval"
    input: str = ""


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return what outputs and annotations hold.

    Raises:
        InputError: a file is not as it should be.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("alpaca-eval")
    files = sort_files_by_kind(paths, ".json", _kind, gathering)
    for path in files.get("output", ()):
        _read_outputs(path, gathering)
    for path in files.get("annotation", ()):
        _read_annotations(path, gathering)
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run's first turns, with votes and settled battles on them, as AlpacaEval's files.

    Raises:
        ConfigError: the text of a question is not in the run.
    """
    files: dict[str, list[JsonRow]] = {}
    questions = _questions(records)
    texts = {}
    for answer in (answer for answer in records.answers if answer.sample == 0):
        question = questions[answer.question_id]
        text = answer.turns[0].text
        texts[answer.model, answer.question_id] = text
        key = make_answer_key(answer.model, answer.question_id)
        row = source.restore("output", key, _output_row(question, answer.model, text))
        files.setdefault(f"{make_file_name(answer.model)}/model_outputs.json", []).append(row)
    votes = (vote for vote in records.votes if vote.turn == 1 and vote.sample == 0)
    for vote in (*votes, *_as_votes(settle_battles(records.games))):
        model, annotator = make_file_name(vote.model_b), make_file_name(vote.judge)
        row = _annotation_row(questions[vote.question_id], vote, texts)
        row = source.restore("annotation", vote.digest, row)
        files.setdefault(f"{model}/{annotator}/annotations.json", []).append(row)
    return {name: array(found) for name, found in files.items()}


def _questions(records: RunRecords) -> dict[str, Question]:
    questions = {question.question_id: question for question in records.questions}
    rows: list[Answer | Vote | PairwiseJudgment]
    rows = [*records.answers, *records.votes, *records.games]
    for row in rows:
        if row.question_id not in questions:
            msg = (
                "alpaca-eval knows a question by its text, and that of "
                f"{row.question_id!r} is not in this run"
            )
            raise ConfigError(msg)
    return questions


def _kind(row: JsonRow, _path: Path) -> str | None:
    found = (kind for kind, telling in _FIELDS_BY_KIND.items() if telling <= row.keys())
    return next(found, None)


def _read_outputs(path: Path, gathering: ImportedRecords) -> None:
    models: dict[str, None] = {}
    for at, row in read_rows_of_kind("output", path, _kind):
        given = convert_row(row, _AlpacaOutput, path, at.line)
        models[given.generator] = None
        question = _add_question(given, gathering, at)
        key = make_answer_key(given.generator, question.question_id)
        if gathering.is_new("output", key, row, at):
            gathering.add_answer(question.question_id, given.generator, [given.output], at)
            rendered = _output_row(question, given.generator, given.output)
            gathering.keep_beyond("output", key, row, rendered)
    if path.name == "model_outputs.json":
        _compare_with_folder(path, path.parent.name, models, gathering)


def _read_annotations(path: Path, gathering: ImportedRecords) -> None:
    models: dict[str, None] = {}
    different: dict[str, int] = {}
    for at, row in read_rows_of_kind("annotation", path, _kind):
        given = convert_row(row, _AlpacaAnnotation, path, at.line)
        models[given.generator_2] = None
        question = _add_question(given, gathering, at)
        vote = _vote(given, question.question_id, at)
        if not gathering.is_new("annotation", vote.digest, row, at):
            continue
        shown = {given.generator_1: given.output_1, given.generator_2: given.output_2}
        for model, text in shown.items():
            if not gathering.add_answer(question.question_id, model, [text], at):
                different[model] = different.get(model, 0) + 1
        gathering.add_vote(vote, at)
        rendered = _annotation_row(
            question,
            vote,
            {
                (model, question.question_id): _text(gathering, model, question.question_id)
                for model in shown
            },
        )
        gathering.keep_beyond("annotation", vote.digest, row, rendered)
    for model, number in different.items():
        said = f"{number} outputs of {model} are not those of its other files"
        gathering.warnings.append(f"{path}: {said}; the judgments are of these, not of those")
    if path.name == "annotations.json":
        _compare_with_folder(path, path.parent.parent.name, models, gathering)


def _compare_with_folder(
    path: Path, folder: str, models: Mapping[str, None], gathering: ImportedRecords
) -> None:
    """Warn where a folder is named like one model and its file is of another."""
    if folder and folder not in models:
        said = f"its generator is {', '.join(models)}, but its folder is named {folder}"
        gathering.warnings.append(f"{path}: {said}; the generator is taken")


def _add_question(
    given: _AlpacaOutput | _AlpacaAnnotation, gathering: ImportedRecords, at: RowLocation
) -> Question:
    text = f"{given.instruction}\n\n{given.input}" if given.input else given.instruction
    question_id = digest(text)[:12]
    question = Question(
        question_id=question_id, category=given.dataset or "alpaca_eval", turns=(text,)
    )
    known = gathering.questions.get(question_id)
    if known is not None:
        return known
    gathering.add_question(question, at)
    return question


def _vote(given: _AlpacaAnnotation, question_id: str, at: RowLocation) -> Vote:
    preference = _preference(given.preference, at)
    winner = None
    if preference is not None:
        half = _DRAW - _BASELINE
        winner = Winner.MODEL_B if preference > half else Winner.MODEL_A
        winner = Winner.TIE if preference == half else winner
    models = (given.generator_1, given.generator_2)
    return Vote(
        question_id=question_id,
        judge=given.annotator,
        model_a=given.generator_1,
        model_b=given.generator_2,
        winner=winner,
        unscored=UNSCORED_IN_SOURCE if winner is None else None,
        preference=preference,
        digest=digest(["annotation", question_id, given.annotator, *models]),
    )


def _preference(given: float | None, at: RowLocation) -> float | None:
    """Return how probable it is that output 2 is better; None where there is no preference."""
    if given is None or given == _FAILED:
        return None
    if given == _LEGACY_DRAW:
        return _DRAW - 1
    if not _BASELINE <= given <= _MODEL:
        at.refuse(f"unknown preference {given}: must be from 1 to 2, 0 for a draw, or null")
    return given - 1


def _output_row(question: Question, model: str, text: str) -> dict[str, Any]:
    return {
        "instruction": question.turns[0],
        "dataset": question.category,
        "output": text,
        "generator": model,
    }


def _annotation_row(
    question: Question, vote: Vote, texts: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    return {
        "instruction": question.turns[0],
        "output_1": texts.get((vote.model_a, vote.question_id), ""),
        "generator_1": vote.model_a,
        "dataset": question.category,
        "output_2": texts.get((vote.model_b, vote.question_id), ""),
        "generator_2": vote.model_b,
        "annotator": vote.judge,
        "preference": _as_number(vote),
    }


def _text(gathering: ImportedRecords, model: str, question_id: str) -> str:
    return gathering.answers[model, question_id, 0].turns[0].text


def _as_number(vote: Vote) -> float | None:
    if vote.preference is not None:
        return 1 + vote.preference
    numbers = {Winner.MODEL_A: _BASELINE, Winner.TIE: _DRAW, Winner.MODEL_B: _MODEL}
    return numbers[vote.winner] if vote.winner else None


def _as_votes(battles: Sequence[Battle]) -> list[Vote]:
    """Return first-turn battles of our own games as votes."""
    return [
        Vote(
            question_id=battle.question_id,
            judge=battle.judge,
            model_a=battle.model_a,
            model_b=battle.model_b,
            winner=battle.winner,
            digest="",
        )
        for battle in battles
        if battle.turn == 1 and battle.sample == 0
    ]
