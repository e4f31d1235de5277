"""Read and check question files: one JSON object per line."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from evalharness.domain import Question
from evalharness.errors import ConfigError, InputError, suggest_close_match
from evalharness.store.jsonl import read_numbered_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


class _QuestionLine(msgspec.Struct, forbid_unknown_fields=True):
    question_id: str | int
    category: str
    turns: list[str]
    references: list[str | None] = []
    rubric: list[str] = []


def read_questions(path: Path) -> tuple[Question, ...]:
    """Return the questions of a file; a blank reference is none.

    Args:
        path: a file with one JSON object per line.

    Raises:
        InputError: a line is not a question, an id is duplicated, or the file has no questions.
    """
    questions: dict[str, Question] = {}
    for number, line in read_numbered_records(path, _QuestionLine):
        question = Question(
            question_id=str(line.question_id),
            category=line.category,
            turns=tuple(line.turns),
            references=tuple(text if text and text.strip() else None for text in line.references),
            rubric=tuple(line.rubric),
        )
        if problem := _find_problem(question):
            raise InputError(problem, path=path, line=number)
        if question.question_id in questions:
            msg = f"question_id {question.question_id!r} stands twice"
            raise InputError(msg, path=path, line=number)
        questions[question.question_id] = question
    if not questions:
        msg = "no questions in this file"
        raise InputError(msg, path=path)
    return tuple(questions.values())


def select_questions(
    questions: Iterable[Question],
    *,
    ids: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    limit: int | None = None,
) -> tuple[Question, ...]:
    """Return the selected questions in the order of the file.

    Args:
        questions: the questions of a file.
        ids: keep only questions with these ids.
        categories: keep only questions of these categories.
        limit: keep at most this many, taken from all categories in turn, so that few questions
            still cover every category.

    Raises:
        ConfigError: an id or category is unknown, or no question is left.
    """
    chosen = tuple(questions)
    if ids is not None:
        _check_known(ids, [question.question_id for question in chosen], "questions.ids")
        chosen = tuple(question for question in chosen if question.question_id in ids)
    if categories is not None:
        known = [question.category for question in chosen]
        _check_known(categories, known, "questions.categories")
        chosen = tuple(question for question in chosen if question.category in categories)
    if limit is not None:
        chosen = _take_from_all_categories(chosen, limit)
    if not chosen:
        msg = "no question is left to ask: loosen questions.limit, .categories or .ids"
        raise ConfigError(msg)
    return chosen


def _take_from_all_categories(questions: Sequence[Question], limit: int) -> tuple[Question, ...]:
    """Return `limit` questions, taken from the categories in turn, in their original order."""
    if limit < 0:
        msg = f"questions.limit={limit}: must be at least 1"
        raise ConfigError(msg)
    seen: dict[str, int] = defaultdict(int)
    ranks = []
    for index, question in enumerate(questions):
        ranks.append((seen[question.category], index))
        seen[question.category] += 1
    kept = sorted(index for _, index in sorted(ranks)[:limit])
    return tuple(questions[index] for index in kept)


def _find_problem(question: Question) -> str | None:
    """Return what is wrong with a question, or None."""
    if not question.question_id or not question.category:
        return "question_id and category must not be empty"
    if not question.turns or not all(turn.strip() for turn in question.turns):
        return "turns must hold at least one text, and none may be empty"
    if question.references and len(question.references) != len(question.turns):
        return (
            f"{len(question.references)} references for {len(question.turns)} turns: "
            "give one a turn (null where there is none) or leave them out"
        )
    if not all(point.strip() for point in question.rubric):
        return "a rubric is a list of points, and none may be empty"
    return None


def _check_known(names: Sequence[str], known: Sequence[str], place: str) -> None:
    for name in names:
        if name not in known:
            msg = f"{place}: there is no {name!r}{suggest_close_match(name, sorted(set(known)))}"
            raise ConfigError(msg)
