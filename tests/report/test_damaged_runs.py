"""A run folder in which one value was changed is reported, or refused with the file: no traceback."""

from __future__ import annotations

import json

import pytest
import yaml
from builders import answer, graded_judgment, pairwise_judgment, question
from generated_runs import run_settings
from hypothesis import given
from hypothesis import strategies as st

from evalharness.errors import EvalHarnessError
from evalharness.report import publish_run
from evalharness.store import encode_record

NAMES = ("vicuna-13b", "alpaca-7b")
ROLE = {"calls": 2, "prompt_tokens": 9, "cached_tokens": 0, "completion_tokens": 4, "usd": 0.5}
FILES = {
    "questions.jsonl": [question("81")],
    "answers.jsonl": [answer(name) for name in NAMES],
    "judgments.jsonl": [
        graded_judgment(NAMES[0]),
        pairwise_judgment(*NAMES),
        pairwise_judgment(*NAMES[::-1]),
    ],
}
CONFIG = {
    "models": {
        name: {"name": name, "family": "f", "prices": {"input": 1.0, "output": 2.0}}
        for name in NAMES
    },
    "judge": {
        "name": "gpt-4",
        "model": {"name": "gpt-4", "family": "gpt"},
        "prompts": {"graded": {"name": "single-v1"}, "pairwise": {"name": "pair-v2"}},
        "reading": "text",
        "repairs": 0,
        "caution": "A caution.",
    },
    "judging": {"graded": True, "pairwise": True, "pairs": "all", "samples": 1},
    "questions": {"name": "mt-bench", "limit": None},
    "cautions": ["One.", "Two."],
    "seed": 0,
}
MANIFEST = {
    "command": "evalharness run",
    "finished": "2026-01-01T00:00:00+00:00",
    "stages": ["answer", "judge"],
    "cautions": ["One."],
    "models": {name: {"identity": "0"} for name in NAMES},
    "usage": {"judges": ROLE | {"by_model": {"gpt-4": ROLE}, "unpriced": ["gpt-4"]}},
    "imported": [{"format": "mt-bench", "files": {"a.jsonl": "0"}, "cautions": ["Three."]}],
    "published": [
        {
            **dict.fromkeys(("of", "benchmark", "suite", "title", "source"), "x"),
            "model": NAMES[0],
            "value": 0.5,
        }
    ],
    "request_rules": {"models": {NAMES[0]: {"left_out": ["seed"], "max_tokens": 9}}},
}
VALUES = st.sampled_from(
    [None, True, -1, 0, 2**70, 10**400, 1e308, "", "x", "\N{SNOWMAN}", [], [1], [[]], {}, {"a": 1}]
)


def _list_places(content, place=()):
    """Yield the place of each value in JSON-like content, but for the whole."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        yield (*place, key)
        if isinstance(value, dict | list):
            yield from _list_places(value, (*place, key))


def _replace(content, place, value):
    """Return a copy of JSON-like content with another value at a place."""
    if not place:
        return value
    copy = content.copy()
    copy[place[0]] = _replace(copy[place[0]], place[1:], value)
    return copy


def _contents():
    rows = {
        name: [json.loads(encode_record(row)) for row in records] for name, records in FILES.items()
    }
    return rows | {"config.yaml": CONFIG, "manifest.json": MANIFEST}


PLACES = [(name, place) for name, content in _contents().items() for place in _list_places(content)]


def _write(folder, contents):
    for name, content in contents.items():
        if name.endswith(".jsonl"):
            text = "".join(f"{json.dumps(row)}\n" for row in content)
        else:
            text = yaml.safe_dump(content) if name == "config.yaml" else json.dumps(content)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return an empty folder, which each example fills."""
    return tmp_path_factory.mktemp("run")


def test_the_run_without_damage_is_reported(folder):
    """So that a refusal below has its cause in the changed value."""
    _write(folder, _contents())

    assert [row.model for row in publish_run(folder).rows]


@run_settings
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_one_changed_value_is_reported_or_refused_with_its_file(folder, place, value):
    """Wrong types, nulls, huge numbers, lists in place of objects, in every file and field."""
    name, path = place
    _write(folder, {**_contents(), name: _replace(_contents()[name], path, value)})

    try:
        publish_run(folder)
    except EvalHarnessError as error:
        assert str(folder) in str(error)  # noqa: PT017 - either outcome is right
