"""Valid and invalid question files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.domain import Question
from evalharness.errors import ConfigError, InputError
from evalharness.store import read_questions, select_questions

GOOD = {"question_id": "a-1", "category": "a", "turns": ["one", "two"], "references": ["r", None]}


def _file(tmp_path, *lines):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_question_may_have_any_number_of_turns(tmp_path):
    """One, two or seven turns; references may be missing for some or all."""
    lines = [GOOD, {"question_id": 7, "category": "b", "turns": ["x"] * 7}]

    first, second = read_questions(_file(tmp_path, *map(json.dumps, lines)))

    assert (first.reference(1), first.reference(2)) == ("r", None)
    assert (second.question_id, len(second.turns), second.reference(7)) == ("7", 7, None)


def test_a_question_may_bring_its_checklist(tmp_path):
    """A judge with a rubric prompt sees it; most questions have none."""
    lines = [GOOD | {"rubric": ["Names the year.", "Is short."]}, GOOD | {"question_id": "a-2"}]

    first, second = read_questions(_file(tmp_path, *map(json.dumps, lines)))

    assert (first.rubric, second.rubric) == (("Names the year.", "Is short."), ())


def test_a_blank_reference_is_none(tmp_path):
    """Else a judge is told that the one right result stands in an empty line."""
    line = GOOD | {"references": ["", " \n"]}

    (read,) = read_questions(_file(tmp_path, json.dumps(line)))

    assert read.references == (None, None)
    assert (
        Question(question_id="1", category="a", turns=("x",), references=("",)).reference(1) is None
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "malformed|truncated"),
        ("[]", "Expected `object`"),
        (json.dumps(GOOD | {"turns": []}), "turns"),
        (json.dumps(GOOD | {"turns": ["one", " "]}), "turns"),
        (json.dumps(GOOD | {"turns": "one"}), r"turns"),
        (json.dumps(GOOD | {"turns": ["one", 2]}), r"turns"),
        (json.dumps(GOOD | {"references": ["r"]}), "1 references for 2 turns"),
        (json.dumps(GOOD | {"refrences": ["r", "r"]}), "refrences"),
        (json.dumps(GOOD | {"rubric": ["one", " "]}), "rubric"),
        (json.dumps(GOOD | {"rubric": "one"}), "rubric"),
        (json.dumps(GOOD | {"category": ""}), "category"),
        (json.dumps({"question_id": "x", "turns": ["one"]}), "category"),
        (json.dumps(GOOD), "twice"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path, line, words):
    """The author of the file gets the line before any request is made."""
    path = _file(tmp_path, json.dumps(GOOD), "", line)

    with pytest.raises(InputError, match=words) as refusal:
        read_questions(path)

    assert str(refusal.value).startswith(f"{path}:3: ")


def test_bytes_that_are_not_text_are_refused_with_their_line(tmp_path):
    """The encoding of a file is not guessed."""
    path = _file(tmp_path, json.dumps(GOOD))
    path.write_bytes(
        path.read_bytes() + b'{"question_id": "\xff", "category": "b", "turns": ["x"]}\n'
    )

    with pytest.raises(InputError, match=r"mine\.jsonl:2: "):
        read_questions(path)


def test_an_empty_file_is_refused(tmp_path):
    """A run without questions would compare nothing."""
    with pytest.raises(InputError, match="no questions"):
        read_questions(_file(tmp_path))


QUESTIONS = tuple(
    Question(question_id=f"{category}-{number}", category=category, turns=("?",))
    for category in "abcd"
    for number in range(5)
)


@given(limit=st.integers(1, 30))
def test_a_limit_spreads_over_the_categories_and_keeps_the_order(limit):
    """Few questions cover every category as evenly as possible."""
    chosen = select_questions(QUESTIONS, limit=limit)

    counts = [sum(q.category == category for q in chosen) for category in "abcd"]
    assert len(chosen) == min(limit, len(QUESTIONS))
    assert max(counts) - min(counts) <= 1
    assert list(chosen) == [question for question in QUESTIONS if question in chosen]


def test_categories_and_ids_choose_questions():
    """Both filters apply; the order of the file is kept."""
    assert [q.question_id for q in select_questions(QUESTIONS, categories=["c"], limit=2)] == [
        "c-0",
        "c-1",
    ]
    assert [q.question_id for q in select_questions(QUESTIONS, ids=["d-4", "a-0"])] == [
        "a-0",
        "d-4",
    ]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"categories": ["e"]}, "questions.categories"),
        ({"ids": ["a-9"]}, "did you mean a-"),
        ({"limit": 0}, "no question is left"),
        ({"limit": -1}, "questions.limit=-1"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(choice, words):
    """A misspelt category must not silently select nothing."""
    with pytest.raises(ConfigError, match=words):
        select_questions(QUESTIONS, **choice)
