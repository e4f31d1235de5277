"""Names are read from overrides as people write them."""

from __future__ import annotations

import pytest

from evalharness.config.names.written_name import (
    make_key,
    parse_written_name,
    split_jobs,
    split_names,
)
from evalharness.errors import ConfigError


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("[a,b]", ["a", "b"]),
        ("a,b", ["a", "b"]),
        ("a", ["a"]),
        ("[ a , b ]", ["a", "b"]),
        ("['a','b,c']", ["a", "b,c"]),
        ("[a?stop=[x,y]&temperature=0,b]", ["a?stop=[x,y]&temperature=0", "b"]),
        ("[]", []),
        ("./out/checkpoint-*", ["./out/checkpoint-*"]),
    ],
)
def test_a_list_of_names_is_read_with_or_without_brackets(value, names):
    """Commas in quotes or in the value of a setting divide nothing."""
    assert split_names(value) == names


def test_a_sweep_has_one_group_of_names_for_each_job():
    """As `-m` reads it: brackets hold the models of one job."""
    assert split_jobs("[a,b],[c]") == [["a", "b"], ["c"]]
    assert split_jobs("a,openai/b?temperature=0") == [["a"], ["openai/b?temperature=0"]]


def test_the_settings_of_a_variant_are_read_as_yaml():
    """A field of sampling needs no `sampling.` before it, and the order makes no other model."""
    one = parse_written_name("openai/x?temperature=0.5&reasoning_effort=low&top_p=null", "models")
    other = parse_written_name("openai/x?top_p=null&reasoning_effort=low&temperature=0.5", "models")

    assert one.base == "openai/x"
    assert one.settings == {
        "sampling.temperature": 0.5,
        "sampling.top_p": None,
        "reasoning_effort": "low",
    }
    assert one.suffix == other.suffix == " (reasoning_effort=low, temperature=0.5, top_p=null)"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x?temprature=1", "no setting 'temprature'.*did you mean temperature"),
        ("x?name=y", "no setting 'name'"),
        ("x?temperature", "NAME=VALUE.*'temperature'"),
        ("x?stop=[", "cannot be read"),
    ],
)
def test_a_malformed_variant_is_refused(name, words):
    """In one sentence that has the name."""
    with pytest.raises(ConfigError, match=words):
        parse_written_name(name, "models")


def test_a_key_has_no_dots_or_slashes():
    """Dots divide the keys of a configuration."""
    assert make_key("openai/gpt-6.1-sol") == "openai_gpt-6_1-sol"
    assert make_key("./") == "model"
