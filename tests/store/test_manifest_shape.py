"""A manifest whose entries have other types than a run gives them is refused with its place."""

from __future__ import annotations

import json

import pytest

from evalharness.errors import InputError
from evalharness.store import read_manifest

ENTRY = {"calls": 4, "usd": None}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"usage": {"judges": {"calls": "many"}}}, "$.usage[...].calls"),
        ({"usage": {"judges": {"calls": 10**400}}}, "$.usage[...].calls"),
        ({"usage": {"judges": {"calls": -1}}}, "$.usage[...].calls"),
        ({"usage": {"judges": {"usd": {}}}}, "$.usage[...].usd"),
        ({"usage": {"judges": {"by_model": {"m": [[]]}}}}, "$.usage[...].by_model[...]"),
        ({"usage": "none"}, "$.usage"),
        ({"cautions": "none"}, "$.cautions"),
        ({"imported": [{"cautions": []}]}, "$.imported[0]"),
        ({"published": [{"model": "m"}]}, "$.published[0]"),
        ({"stages": {"answer": 1}}, "$.stages"),
        ({"request_rules": {"models": {"m": {"renamed": [1]}}}}, ".renamed"),
        ({"models": {"m": 3}}, "$.models[...]"),
        ({"joined": {"runs": []}}, "$.joined"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_entry(content, place, tmp_path):
    """Reports add usage up, list cautions, and name imports."""
    (tmp_path / "manifest.json").write_text(json.dumps(content))

    with pytest.raises(InputError) as error:
        read_manifest(tmp_path)

    assert str(error.value).startswith(f"{tmp_path / 'manifest.json'}: ")
    assert place in str(error.value)
    assert str(error.value).endswith("restore the entry, or the file from a copy")


def test_entries_that_are_only_shown_may_be_anything(tmp_path):
    """A later release may add entries, and a reader sees them on the page."""
    content = {"git": 3, "later": {"a": [1]}, "usage": {"judges": ENTRY | {"later": "x"}}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))

    assert read_manifest(tmp_path) == content
    assert read_manifest(tmp_path / "none") == {}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_of_python_are_no_json(word, tmp_path):
    """No figure of a run is infinite or undefined."""
    (tmp_path / "manifest.json").write_text(f'{{"seed": {word}}}')

    assert f"not JSON: {word} is no number of JSON" in read_manifest(tmp_path)["damage"]
