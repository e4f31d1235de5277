r"""Read and render the files of the Vicuna evaluation of March 2023 (FastChat's first).

    question.jsonl              {"question_id": 1, "text": ..., "category": ...}
    answer/answer_MODEL.jsonl   {"question_id": 1, "answer_id", "model_id", "text"}
    review/.../review_M1_M2.jsonl   {"question_id": 1, "answer1_id", "answer2_id", "reviewer_id",
                                     "text": "8 9\n...", "score": [8.0, 9.0]}

GPT-4 gives both answers a score. Both answers were shown in one order only, so a review is a vote,
not a game. A model has the name of its file, because reviews and answers have no other common name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import Question, Vote, Winner, compute_digest
from evalharness.formats.interface import Format
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE, ImportedRecords
from evalharness.formats.rows.row_kinds import find_kind, read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_reader import convert_row
from evalharness.formats.rows.row_writer import (
    ExportedFiles,
    encode_json_lines,
    make_file_name,
    to_number_if_plain,
)
from evalharness.formats.rows.unmapped_fields import make_answer_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
_UNPARSED_SCORES = [-1.0, -1.0]
_SCORES_PER_REVIEW = 2


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


def read_vicuna_reviews(paths: Sequence[Path]) -> ImportedRecords:
    """Return the records in files of questions, answers and reviews.

    Raises:
        InputError: a file is damaged.
        ConfigError: a path does not exist.
    """
    imported = ImportedRecords("vicuna-reviews")
    files = sort_files_by_kind(paths, ".jsonl", _classify_row, imported)
    for path in files.get("question", ()):
        _read_questions(path, imported)
    models: dict[str, str] = {}
    for path in files.get("answer", ()):
        models |= _read_answers(path, imported)
    for path in files.get("review", ()):
        _read_reviews(path, imported, models)
    return imported.complete()


def render_vicuna_reviews(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the first turns of a run and its votes with scores as files."""
    files = ExportedFiles(source)
    for question in records.questions:
        rendered = _render_question(question)
        files.add_row("question.jsonl", "question", question.question_id, rendered)
    for answer in records.answers:
        if answer.sample == 0:
            key = make_answer_key(answer.model, answer.question_id)
            rendered = _render_answer(answer.model, answer.question_id, answer.turns[0].text)
            name = f"answer/answer_{make_file_name(answer.model)}.jsonl"
            files.add_row(name, "answer", key, rendered)
    for vote in records.votes:
        if source.has_row("review", vote.digest) or vote.scores is not None:
            pair = f"{make_file_name(vote.model_a)}_{make_file_name(vote.model_b)}"
            name = f"review/review_{pair}.jsonl"
            files.add_row(name, "review", vote.digest, _render_review(vote))
    return files.encode(encode_json_lines)


FORMAT = Format(
    name="vicuna-reviews", read_files=read_vicuna_reviews, render_files=render_vicuna_reviews
)


def _classify_row(row: JsonRow, _path: Path) -> str | None:
    return find_kind(row, _FIELDS_BY_KIND)


def _read_questions(path: Path, imported: ImportedRecords) -> None:
    for location, row in read_rows_of_kind("question", path, _classify_row):
        parsed = convert_row(row, _VicunaQuestion, location)
        key = str(parsed.question_id)
        question = Question(question_id=key, category=parsed.category, turns=(parsed.text,))
        if imported.register_row("question", key, row, location):
            imported.add_question(question, location)
            imported.keep_unmapped_fields("question", key, row, _render_question(question))


def _read_answers(path: Path, imported: ImportedRecords) -> dict[str, str]:
    """Read the answers of a model; return its name by the ids of its answers."""
    model, model_ids, models = path.stem.removeprefix("answer_"), set(), {}
    for location, row in read_rows_of_kind("answer", path, _classify_row):
        parsed = convert_row(row, _VicunaAnswer, location)
        model_ids.add(parsed.model_id)
        models[parsed.answer_id] = model
        question_id = str(parsed.question_id)
        key = make_answer_key(model, question_id)
        if imported.register_row("answer", key, row, location):
            imported.add_answer(question_id, model, [parsed.text], location)
            rendered = _render_answer(model, question_id, parsed.text)
            imported.keep_unmapped_fields("answer", key, row, rendered)
    if len(model_ids) > 1:
        reason = f"answers of {len(model_ids)} models ({', '.join(sorted(model_ids))})"
        imported.warnings.append(f"{path}: {reason}; all are taken as {model}'s")
    return models


def _read_reviews(path: Path, imported: ImportedRecords, models: Mapping[str, str]) -> None:
    named_pair = path.stem.removeprefix("review_")
    differing = 0
    for location, row in read_rows_of_kind("review", path, _classify_row):
        parsed = convert_row(row, _VicunaReview, location)
        pair = _find_models(parsed, named_pair, models, location)
        if "_".join(pair) != named_pair:
            location.refuse(
                f"its answers are of {' and '.join(pair)}, which the file's name does not say"
            )
        key = compute_digest(["review", str(parsed.question_id), str(parsed.reviewer_id), *pair])
        if imported.register_row("review", key, row, location):
            vote = _make_vote(parsed, pair, key, location)
            imported.add_vote(vote, location)
            imported.keep_unmapped_fields("review", key, row, _render_review(vote))
            differing += vote.scores is not None and _read_first_line(parsed.text) != parsed.score
    if differing:
        reason = f"{differing} reviews do not begin with their two scores"
        imported.warnings.append(f"{path}: {reason}; `score` is taken")


def _find_models(
    parsed: _VicunaReview, named_pair: str, models: Mapping[str, str], location: RowLocation
) -> tuple[str, str]:
    """Return the two models of a review, from its answers or from the name of its file."""
    if parsed.answer1_id in models and parsed.answer2_id in models:
        return models[parsed.answer1_id], models[parsed.answer2_id]
    if models:
        unknown = [name for name in (parsed.answer1_id, parsed.answer2_id) if name not in models]
        location.refuse(f"no answer has the id {' or '.join(unknown)}")
    first, _, second = named_pair.partition("_")
    if not second or "_" in second:
        location.refuse("name the file review_MODEL_MODEL.jsonl, or import the answers with it")
    return first, second


def _make_vote(
    parsed: _VicunaReview, pair: tuple[str, str], key: str, location: RowLocation
) -> Vote:
    if len(parsed.score) != _SCORES_PER_REVIEW:
        location.refuse(f"score must be two numbers, not {parsed.score}")
    first, second = parsed.score
    is_parsed = parsed.score != _UNPARSED_SCORES
    if is_parsed and min(first, second) < 0:
        location.refuse(f"score {parsed.score}: a score below 0")
    winner = Winner.TIE
    if first != second:
        winner = Winner.MODEL_A if first > second else Winner.MODEL_B
    return Vote(
        question_id=str(parsed.question_id),
        judge=str(parsed.reviewer_id),
        model_a=pair[0],
        model_b=pair[1],
        winner=winner if is_parsed else None,
        unscored=None if is_parsed else UNSCORED_IN_SOURCE,
        scores=(first, second) if is_parsed else None,
        reply=parsed.text,
        digest=key,
    )


def _read_first_line(text: str) -> list[float]:
    """Return the numbers in the first line of a review; no numbers if it has other words."""
    try:
        return [float(word) for word in text.partition("\n")[0].replace(",", " ").split()]
    except ValueError:
        return []


def _render_question(question: Question) -> dict[str, Any]:
    return {
        "question_id": to_number_if_plain(question.question_id),
        "text": question.turns[0],
        "category": question.category,
    }


def _render_answer(model: str, question_id: str, text: str) -> dict[str, Any]:
    return {
        "answer_id": make_answer_key(model, question_id),
        "model_id": model,
        "question_id": to_number_if_plain(question_id),
        "text": text,
        "metadata": {},
    }


def _render_review(vote: Vote) -> dict[str, Any]:
    return {
        "review_id": vote.digest,
        "question_id": to_number_if_plain(vote.question_id),
        "answer1_id": make_answer_key(vote.model_a, vote.question_id),
        "answer2_id": make_answer_key(vote.model_b, vote.question_id),
        "reviewer_id": vote.judge,
        "text": vote.reply,
        "score": list(vote.scores) if vote.scores else _UNPARSED_SCORES,
        "metadata": {},
    }
