"""Records as lines of JSON."""

from __future__ import annotations

import pytest

from evalharness.domain import Answer, AnswerTurn
from evalharness.errors import InputError
from evalharness.store import jsonl


def _answer(number: int, text: str = "ü\n\u2028") -> Answer:
    return Answer(
        question_id=f"q{number}", model="m", turns=(AnswerTurn(text=text),), digest=f"d{number}"
    )


def test_what_is_appended_is_read_back(tmp_path):
    """A record survives its file, with every character."""
    path = tmp_path / "answers.jsonl"
    appender = jsonl.Appender(path)
    for number in range(3):
        appender.append(_answer(number))
    appender.close()

    assert jsonl.read_own(path, Answer) == [_answer(number) for number in range(3)]


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_torn_last_line_is_dropped_and_overwritten(tmp_path, kept):
    """What a killed process left of its last line harms neither reading nor appending."""
    path = tmp_path / "answers.jsonl"
    path.write_bytes(jsonl.dump(_answer(0)) + jsonl.dump(_answer(1))[:kept])

    assert jsonl.read_own(path, Answer) == [_answer(0)]

    appender = jsonl.Appender(path)
    appender.append(_answer(2))
    appender.close()
    assert jsonl.read_own(path, Answer) == [_answer(0), _answer(2)]


def test_a_damaged_line_in_the_middle_is_refused_with_its_number(tmp_path):
    """Only the last line can be torn by a kill; anything else is damage that must be seen."""
    path = tmp_path / "answers.jsonl"
    path.write_bytes(jsonl.dump(_answer(0)) + b'{"question_id": \n' + jsonl.dump(_answer(1)))

    with pytest.raises(InputError, match=r"answers\.jsonl:2: "):
        jsonl.read_own(path, Answer)


def test_a_file_from_outside_may_not_be_torn(tmp_path):
    """A question lost at the end of a copied file would go unnoticed."""
    path = tmp_path / "questions.jsonl"
    path.write_bytes(jsonl.dump(_answer(0)) + b'{"question_id": "q1", "mo')

    with pytest.raises(InputError, match=r"questions\.jsonl:2: "):
        list(jsonl.read_numbered(path, Answer))


def test_an_absent_file_has_no_records(tmp_path):
    """A run without failures has no file of failures."""
    assert jsonl.read_own(tmp_path / "none.jsonl", Answer) == []


def test_a_replaced_file_leaves_nothing_beside_it(tmp_path):
    """The temporary file becomes the file."""
    path = tmp_path / "page.html"
    jsonl.replace(path, b"old")
    jsonl.replace(path, b"new")

    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
