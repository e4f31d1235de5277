"""Find the rows of a run that its configuration and its other files do not know."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from evalharness.domain import compute_digest
from evalharness.stats import GOLD_JUDGE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from evalharness.domain import Judgment, RunRecords
    from evalharness.formats import UnmappedFields

_SWAPPED = "swapped"


def list_imported_digests(rows: Iterable[UnmappedFields]) -> frozenset[str]:
    """Return the digests that judgments and votes of imported rows have.

    Args:
        rows: what the run keeps of the imported rows. A row of a pair is two games: one has the key
            of the row, the other a digest made from it.
    """
    keys = {row.key for row in rows}
    swapped = (compute_digest([key, _SWAPPED]) for key in keys)
    labels = (compute_digest([GOLD_JUDGE, key]) for key in keys)
    return frozenset(chain(keys, swapped, labels))


def find_unknown_rows(records: RunRecords, imported: Collection[str]) -> Iterator[str]:
    """Yield a line for each row of models, questions or answers that the run does not have.

    Args:
        records: what the run holds.
        imported: the digests of imported judgments and votes, which may be of other models.
    """
    turns = {question.question_id: len(question.turns) for question in records.questions}
    yield from _find_unknown_answers(records, turns)
    answers = {(each.model, each.question_id, each.sample): each for each in records.answers}
    answered = {key: len(answer.turns) for key, answer in answers.items()}
    for row in records.judgments:
        if row.digest in imported:
            continue
        problem = _find_unknown_part(row, records, turns, answered)
        if problem:
            yield f"judgments.jsonl: {row.judge} on question {row.question_id}: {problem}"
    for vote in records.votes:
        if vote.digest not in imported:
            yield f"votes.jsonl: {vote.judge} on question {vote.question_id}: no file was imported with it"
    yield from _find_unknown_names(records)


def _find_unknown_answers(records: RunRecords, turns: dict[str, int]) -> Iterator[str]:
    for answer in records.answers:
        model = records.config.models.get(answer.model)
        place = f"answers.jsonl: {answer.model} on question {answer.question_id}"
        if model is None:
            yield f"{place}: config.yaml has no such model"
        elif answer.question_id not in turns and model.tree.get("backend") != "recorded":
            yield f"{place}: questions.jsonl has no such question"
        elif len(answer.turns) > turns.get(answer.question_id, len(answer.turns)):
            yield f"{place}: has {len(answer.turns)} turns, and its question fewer"


def _find_unknown_part(
    row: Judgment,
    records: RunRecords,
    turns: dict[str, int],
    answered: dict[tuple[str, str, int], int],
) -> str | None:
    """Return what a judgment names that the run does not have, or None."""
    for model in row.models:
        if model not in records.config.models:
            return f"config.yaml has no model {model}"
    if not 1 <= row.turn <= turns.get(row.question_id, 0):
        return f"questions.jsonl has no turn {row.turn} of it"
    for model in row.models:
        if answered.get((model, row.question_id, row.sample), 0) < row.turn:
            return f"answers.jsonl has no answer {row.sample} of {model} to turn {row.turn}"
    return None


def _find_unknown_names(records: RunRecords) -> Iterator[str]:
    """Yield a line for each failure and benchmark figure of a model that is not configured."""
    models = set(records.config.models)
    judges = {judge.name for judge in records.config.judges}
    judges |= {judge.model.name for judge in records.config.judges}
    for failure in records.failures:
        if failure.model not in models | judges:
            yield f"failures.jsonl: config.yaml has no model or judge {failure.model}"
    for score in records.benchmarks:
        if score.model not in models:
            yield f"benchmarks.jsonl: config.yaml has no model {score.model}"
