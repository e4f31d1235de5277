"""Fixtures that read the shipped questions, for the tests of their reference answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Questions: TypeAlias = dict[str, dict[str, Any]]

QUESTIONS = Path(__file__).resolve().parents[2] / "questions" / "mt.jsonl"


@pytest.fixture(scope="session")
def questions() -> Questions:
    """Return every question of the two-turn set, by its id."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    by_id = {record["question_id"]: record for record in records}
    assert len(by_id) == len(records), "two questions share an id"
    return by_id


@pytest.fixture(scope="session")
def answer_line() -> Callable[[str], str]:
    """Return a function that reads the result from the last line, `Answer: <result>`."""

    def read(reference: str) -> str:
        last = reference.splitlines()[-1]
        assert reference.count("Answer:") == 1, reference
        assert last.startswith("Answer: "), reference
        return last.removeprefix("Answer: ").strip()

    return read


@pytest.fixture(scope="session")
def fenced_block() -> Callable[[str, str], str]:
    """Return a function that reads the one fenced block of a reference, in a language."""

    def read(reference: str, language: str) -> str:
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", reference, re.DOTALL | re.MULTILINE)
        assert [found for found, _ in blocks] == [language], reference
        text: str = blocks[0][1]
        return text

    return read
