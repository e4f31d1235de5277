r"""The Vicuna evaluation of March 2023 (FastChat's first): GPT-4 gives both answers a score.

    question.jsonl              {"question_id": 1, "text": ..., "category": ...}
    answer/answer_MODEL.jsonl   {"question_id": 1, "answer_id", "model_id", "text"}
    review/.../review_M1_M2.jsonl   {"question_id": 1, "answer1_id", "answer2_id", "reviewer_id",
                                     "text": "8 9\n...", "score": [8.0, 9.0]}

Both answers were shown in one order only, so a review is a vote, not a game. A model has the name
of its file, as reviews and models agree on no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Question, Vote, Winner, digest
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE, ImportedRecords
from evalharness.formats.rows.row_kinds import read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_reader import convert_row
from evalharness.formats.rows.row_writer import lines, make_file_name, to_number_if_plain
from evalharness.formats.rows.unmapped_fields import make_answer_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.imported_records import RowLocation
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

_FIELDS_BY_KIND = {
    "review": {"score", "text", "question_id", "reviewer_id"},
    "answer": {"text", "question_id", "model_id"},
    "question": {"text", "question_id", "category"},
}
_UNPARSED = [-1.0, -1.0]
_TWO = 2


class _VicunaQuestion(msgspec.Struct):
    question_id: int | str
    text: str
    category: str


class _VicunaAnswer(msgspec.Struct):
    question_id: int | str
    text: str
    model_id: str
    answer_id: str = ""


class _VicunaReview(msgspec.Struct):
    question_id: int | str
    text: str
    score: list[float]
    reviewer_id: int | str
    answer1_id: str = ""
    answer2_id: str = ""


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return what questions, answers and reviews hold.

    Raises:
        InputError: a file is not as it should be.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("vicuna-reviews")
    files = sort_files_by_kind(paths, ".jsonl", _kind, gathering)
    for path in files.get("question", ()):
        _read_questions(path, gathering)
    models: dict[str, str] = {}
    for path in files.get("answer", ()):
        models |= _read_answers(path, gathering)
    for path in files.get("review", ()):
        _read_reviews(path, gathering, models)
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run's first turns and its scored votes as the files of the Vicuna evaluation."""
    files: dict[str, list[JsonRow]] = {}
    for question in records.questions:
        row = source.restore("question", question.question_id, _question_row(question))
        files.setdefault("question.jsonl", []).append(row)
    for answer in records.answers:
        key = make_answer_key(answer.model, answer.question_id)
        if answer.sample == 0:
            rendered = _answer_row(answer.model, answer.question_id, answer.turns[0].text)
            row = source.restore("answer", key, rendered)
            files.setdefault(f"answer/answer_{make_file_name(answer.model)}.jsonl", []).append(row)
    for vote in records.votes:
        if source.has("review", vote.digest) or vote.scores is not None:
            row = source.restore("review", vote.digest, _review_row(vote))
            pair = f"{make_file_name(vote.model_a)}_{make_file_name(vote.model_b)}"
            files.setdefault(f"review/review_{pair}.jsonl", []).append(row)
    return {name: lines(found) for name, found in files.items()}


def _kind(row: JsonRow, _path: Path) -> str | None:
    found = (kind for kind, telling in _FIELDS_BY_KIND.items() if telling <= row.keys())
    return next(found, None)


def _read_questions(path: Path, gathering: ImportedRecords) -> None:
    for at, row in read_rows_of_kind("question", path, _kind):
        given = convert_row(row, _VicunaQuestion, path, at.line)
        key = str(given.question_id)
        question = Question(question_id=key, category=given.category, turns=(given.text,))
        if gathering.is_new("question", key, row, at):
            gathering.add_question(question, at)
            gathering.keep_beyond("question", key, row, _question_row(question))


def _read_answers(path: Path, gathering: ImportedRecords) -> dict[str, str]:
    """Read a model's answers; return the model by the answers' ids."""
    model, names, models = path.stem.removeprefix("answer_"), set(), {}
    for at, row in read_rows_of_kind("answer", path, _kind):
        given = convert_row(row, _VicunaAnswer, path, at.line)
        names.add(given.model_id)
        models[given.answer_id] = model
        question_id = str(given.question_id)
        key = make_answer_key(model, question_id)
        if gathering.is_new("answer", key, row, at):
            gathering.add_answer(question_id, model, [given.text], at)
            rendered = _answer_row(model, question_id, given.text)
            gathering.keep_beyond("answer", key, row, rendered)
    if len(names) > 1:
        said = f"answers of {len(names)} models ({', '.join(sorted(names))})"
        gathering.warnings.append(f"{path}: {said}; all are taken as {model}'s")
    return models


def _read_reviews(path: Path, gathering: ImportedRecords, models: dict[str, str]) -> None:
    named = path.stem.removeprefix("review_")
    differing = 0
    for at, row in read_rows_of_kind("review", path, _kind):
        given = convert_row(row, _VicunaReview, path, at.line)
        pair = _models_of(given, named, models, at)
        if "_".join(pair) != named:
            at.refuse(
                f"its answers are of {' and '.join(pair)}, which the file's name does not say"
            )
        key = digest(["review", str(given.question_id), str(given.reviewer_id), *pair])
        if gathering.is_new("review", key, row, at):
            vote = _vote(given, pair, key, at)
            gathering.add_vote(vote, at)
            gathering.keep_beyond("review", key, row, _review_row(vote))
            differing += vote.scores is not None and _first_line(given.text) != given.score
    if differing:
        said = f"{differing} reviews do not begin with their two scores"
        gathering.warnings.append(f"{path}: {said}; `score` is taken")


def _models_of(
    given: _VicunaReview, named: str, models: dict[str, str], at: RowLocation
) -> tuple[str, str]:
    """Return the two models of a review, from its answers or else from the file's name."""
    if given.answer1_id in models and given.answer2_id in models:
        return models[given.answer1_id], models[given.answer2_id]
    if models:
        unknown = [name for name in (given.answer1_id, given.answer2_id) if name not in models]
        at.refuse(f"no answer has the id {' or '.join(unknown)}")
    first, _, second = named.partition("_")
    if not second or "_" in second:
        at.refuse("name the file review_MODEL_MODEL.jsonl, or import the answers with it")
    return first, second


def _vote(given: _VicunaReview, pair: tuple[str, str], key: str, at: RowLocation) -> Vote:
    if len(given.score) != _TWO:
        at.refuse(f"score must be two numbers, not {given.score}")
    first, second = given.score
    is_parsed = given.score != _UNPARSED
    if is_parsed and min(first, second) < 0:
        at.refuse(f"score {given.score}: a score below 0")
    winner = Winner.TIE
    if first != second:
        winner = Winner.MODEL_A if first > second else Winner.MODEL_B
    return Vote(
        question_id=str(given.question_id),
        judge=str(given.reviewer_id),
        model_a=pair[0],
        model_b=pair[1],
        winner=winner if is_parsed else None,
        unscored=None if is_parsed else UNSCORED_IN_SOURCE,
        scores=(first, second) if is_parsed else None,
        reply=given.text,
        digest=key,
    )


def _first_line(text: str) -> list[float]:
    """Return the numbers that a review begins with."""
    try:
        return [float(word) for word in text.partition("\n")[0].replace(",", " ").split()]
    except ValueError:
        return []


def _question_row(question: Question) -> dict[str, Any]:
    return {
        "question_id": to_number_if_plain(question.question_id),
        "text": question.turns[0],
        "category": question.category,
    }


def _answer_row(model: str, question_id: str, text: str) -> dict[str, Any]:
    return {
        "answer_id": make_answer_key(model, question_id),
        "model_id": model,
        "question_id": to_number_if_plain(question_id),
        "text": text,
        "metadata": {},
    }


def _review_row(vote: Vote) -> dict[str, Any]:
    return {
        "review_id": vote.digest,
        "question_id": to_number_if_plain(vote.question_id),
        "answer1_id": make_answer_key(vote.model_a, vote.question_id),
        "answer2_id": make_answer_key(vote.model_b, vote.question_id),
        "reviewer_id": vote.judge,
        "text": vote.reply,
        "score": list(vote.scores) if vote.scores else _UNPARSED,
        "metadata": {},
    }
