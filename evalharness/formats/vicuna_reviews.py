r"""Read and render the files of the Vicuna evaluation of March 2023 (FastChat's first).

    question.jsonl              {"question_id": 1, "text": ..., "category": ...}
    answer/answer_MODEL.jsonl   {"question_id": 1, "answer_id", "model_id", "text"}
    review/.../review_M1_M2.jsonl   {"question_id": 1, "answer1_id", "answer2_id", "reviewer_id",
                                     "text": "8 9\n...", "score": [8.0, 9.0]}

    reviewer.jsonl              {"reviewer_id": "gpt-4-0328-math", "category": "math", ...}

GPT-4 gives both answers a score. Both answers were shown in one order only, so a review is a vote,
not a game. A model has the name of the file of its answers, and a review is of the models whose
answers it names by id. A review names its reviewer by its line in reviewer.jsonl. The reviewers of
several categories are one judge with several prompts: gpt-4-0328-math is gpt-4-0328.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import Question, Vote, Winner, compute_digest, normalize_name
from evalharness.formats.interface import Format
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE, ImportedRecords
from evalharness.formats.rows.row_kinds import find_kind, read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_writer import (
    ExportedFiles,
    encode_json_lines,
    make_file_name,
)
from evalharness.formats.rows.unmapped_fields import make_answer_key
from evalharness.formats.rows.vicuna_rows import (
    UNPARSED_SCORES,
    VicunaAnswer,
    VicunaJudge,
    VicunaQuestion,
    VicunaReview,
    VicunaReviewer,
    render_answer,
    render_question,
    render_review,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_location import RowLocation
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

_FIELDS_BY_KIND = {
    "reviewer": {"reviewer_id", "prompt_id"},
    "review": {"score", "text", "question_id", "reviewer_id"},
    "answer": {"text", "question_id", "model_id"},
    "question": {"text", "question_id", "category"},
}
_SCORES_PER_REVIEW = 2
_MIN_SCORE, _MAX_SCORE = 0, 10
_GENERAL_REVIEWERS = {"default", "general"}


def add_vicuna_reviews(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the records in files of questions, answers and reviews.

    Raises:
        InputError: a file is damaged.
        ConfigError: a path does not exist.
    """
    files = sort_files_by_kind(paths, ".jsonl", _classify_row, imported)
    for path in files.get("question", ()):
        _read_questions(path, imported)
    models: dict[str, str] = {}
    for path in files.get("answer", ()):
        models |= _read_answers(path, imported)
    reviewers: list[VicunaJudge] = []
    for path in files.get("reviewer", ()):
        reviewers += _read_reviewers(path, imported)
    for path in files.get("review", ()):
        _read_reviews(path, imported, models, reviewers)
    numbers = {vote.judge for vote in imported.votes.values() if vote.judge.isdigit()}
    if numbers:
        imported.warnings.append(
            f"judges are known by number only ({', '.join(sorted(numbers))}): import reviewer.jsonl "
            "with the reviews, which names them"
        )


def render_vicuna_reviews(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the first turns of a run and its votes with scores as files."""
    files = ExportedFiles(source)
    for question in records.questions:
        rendered = render_question(question)
        files.add_row("question.jsonl", "question", question.question_id, rendered)
    for key in source.list_keys("reviewer"):
        files.add_row("reviewer.jsonl", "reviewer", key, {})
    for answer in records.answers:
        if answer.sample == 0:
            key = make_answer_key(answer.model, answer.question_id)
            rendered = render_answer(answer.model, answer.question_id, answer.turns[0].text)
            name = f"answer/answer_{make_file_name(answer.model)}.jsonl"
            files.add_row(name, "answer", key, rendered)
    for vote in records.votes:
        if source.has_row("review", vote.digest) or vote.scores is not None:
            pair = f"{make_file_name(vote.model_a)}_{make_file_name(vote.model_b)}"
            name = f"review/review_{pair}.jsonl"
            files.add_row(name, "review", vote.digest, render_review(vote))
    return files.encode(encode_json_lines)


FORMAT = Format(
    name="vicuna-reviews", add_files=add_vicuna_reviews, render_files=render_vicuna_reviews
)


def _classify_row(row: JsonRow, _path: Path) -> str | None:
    return find_kind(row, _FIELDS_BY_KIND)


def _read_questions(path: Path, imported: ImportedRecords) -> None:
    for location, row in read_rows_of_kind("question", path, _classify_row):
        parsed = imported.read_row(row, VicunaQuestion, location)
        key = str(parsed.question_id)
        question = Question(question_id=key, category=parsed.category, turns=(parsed.text,))
        if imported.register_row("question", key, row, location):
            imported.add_question(question, location)
            imported.keep_unmapped_fields("question", key, row, render_question(question))


def _read_answers(path: Path, imported: ImportedRecords) -> dict[str, str]:
    """Read the answers of a model; return its name by the ids of its answers."""
    model = imported.names.read(path.stem.removeprefix("answer_"))
    model_ids, models = set(), {}
    for location, row in read_rows_of_kind("answer", path, _classify_row):
        parsed = imported.read_row(row, VicunaAnswer, location)
        model_ids.add(parsed.model_id)
        models[parsed.answer_id] = model
        question_id = str(parsed.question_id)
        key = make_answer_key(model, question_id)
        if imported.register_row("answer", key, row, location):
            imported.add_answer(question_id, model, [parsed.text], location)
            rendered = render_answer(model, question_id, parsed.text)
            imported.keep_unmapped_fields("answer", key, row, rendered)
    if len(model_ids) > 1:
        reason = f"answers of {len(model_ids)} models ({', '.join(sorted(model_ids))})"
        imported.warnings.append(f"{path}: {reason}; all are taken as {model}'s")
    return models


def _read_reviewers(path: Path, imported: ImportedRecords) -> list[VicunaJudge]:
    reviewers = []
    for location, row in read_rows_of_kind("reviewer", path, _classify_row):
        parsed = imported.read_row(row, VicunaReviewer, location)
        name = str(parsed.reviewer_id)
        if not imported.register_row("reviewer", name, row, location):
            continue
        judge, _, category = name.rpartition("-")
        is_of_category = category in {parsed.category, *_GENERAL_REVIEWERS}
        judge = imported.names.read(judge if judge and is_of_category else name)
        reviewers.append(VicunaJudge(name=name, judge=judge))
        imported.keep_unmapped_fields("reviewer", name, row, {})
    return reviewers


def _read_reviews(
    path: Path,
    imported: ImportedRecords,
    models: Mapping[str, str],
    reviewers: Sequence[VicunaJudge],
) -> None:
    named_pair = path.stem.removeprefix("review_")
    differing = 0
    other_pairs: dict[tuple[str, str], None] = {}
    for location, row in read_rows_of_kind("review", path, _classify_row):
        parsed = imported.read_row(row, VicunaReview, location)
        pair = _find_models(parsed, named_pair, models, imported, location)
        if "_".join(pair) != named_pair:
            other_pairs[pair] = None
        if imported.leave_out_self_comparison(pair, location):
            continue
        reviewer = _find_reviewer(parsed.reviewer_id, reviewers, location)
        key = compute_digest(["review", str(parsed.question_id), str(parsed.reviewer_id), *pair])
        is_scored = parsed.score != UNPARSED_SCORES
        if imported.register_row("review", key, row, location, is_scored=is_scored):
            vote = _make_vote(parsed, pair, reviewer, key, location)
            imported.add_vote(vote, location)
            imported.keep_unmapped_fields("review", key, row, render_review(vote))
            differing += vote.scores is not None and _read_first_line(parsed.text) != parsed.score
    for first, second in other_pairs:
        reason = f"its reviews are of {first} and {second}, which the file's name does not say"
        imported.warnings.append(f"{path}: {reason}; the ids of the answers and --rename decide")
    if differing:
        reason = f"{differing} reviews do not begin with their two scores"
        imported.warnings.append(f"{path}: {reason}; `score` is taken")


def _find_models(
    parsed: VicunaReview,
    named_pair: str,
    models: Mapping[str, str],
    imported: ImportedRecords,
    location: RowLocation,
) -> tuple[str, str]:
    """Return the two models of a review, from the ids of its answers or the name of its file."""
    found = (models.get(parsed.answer1_id), models.get(parsed.answer2_id))
    named = _split_pair(named_pair, set(models.values()), imported)
    if found[0] is not None and found[1] is not None:
        return found[0], found[1]
    if named is None:
        location.refuse(
            f"{location.path.name} names no two models, and no answer here has the id of its "
            "answers: name the file review_MODEL_MODEL.jsonl, or import the answers with it"
        )
    pair = (found[0] or named[0], found[1] or named[1])
    unknown = [model for model in pair if models and model not in models.values()]
    if unknown:
        known = ", ".join(sorted(set(models.values())))
        location.refuse(
            f"no answer has the id of this review's, and none is of {unknown[0]}, which the file's "
            f"name says: --rename {unknown[0]}=MODEL, one of {known}; or leave this file out"
        )
    return pair


def _split_pair(
    named_pair: str, answering: set[str], imported: ImportedRecords
) -> tuple[str, str] | None:
    """Return the two models that a file is named after; None if that cannot be told."""
    parts = named_pair.split("_")
    splits = [
        (imported.names.read("_".join(parts[:place])), imported.names.read("_".join(parts[place:])))
        for place in range(1, len(parts))
    ]
    known = [split for split in splits if set(split) <= answering]
    if len(known) == 1:
        return known[0]
    return splits[0] if len(splits) == 1 else None


def _find_reviewer(
    reviewer_id: int | str, reviewers: Sequence[VicunaJudge], location: RowLocation
) -> VicunaJudge:
    """Return the reviewer with an id, or in the line of this number."""
    name = str(reviewer_id)
    if not reviewers:
        return VicunaJudge(name="", judge=normalize_name(name))
    by_name = {reviewer.name: reviewer for reviewer in reviewers}
    if name in by_name:
        return by_name[name]
    if not (name.isascii() and name.isdigit()):
        own = (reviewer.judge for reviewer in reviewers if name.startswith(f"{reviewer.judge}-"))
        return VicunaJudge(name=name, judge=next(own, normalize_name(name)))
    if not 1 <= int(name[:9]) <= len(reviewers):
        location.refuse(
            f"reviewer_id {name}: reviewer.jsonl has only {len(reviewers)} lines; "
            "import the file that belongs to these reviews"
        )
    return reviewers[int(name) - 1]


def _make_vote(
    parsed: VicunaReview,
    pair: tuple[str, str],
    reviewer: VicunaJudge,
    key: str,
    location: RowLocation,
) -> Vote:
    if len(parsed.score) != _SCORES_PER_REVIEW:
        location.refuse(f"score must be two numbers, not {parsed.score}")
    first, second = parsed.score
    is_parsed = parsed.score != UNPARSED_SCORES
    if is_parsed and not all(_MIN_SCORE <= score <= _MAX_SCORE for score in parsed.score):
        location.refuse(f"score {parsed.score}: scores of this evaluation go from 1 to 10")
    winner = Winner.TIE
    if first != second:
        winner = Winner.MODEL_A if first > second else Winner.MODEL_B
    return Vote(
        question_id=str(parsed.question_id),
        judge=reviewer.judge,
        prompt=reviewer.name,
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
