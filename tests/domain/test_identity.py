"""Keys contain the settings of a record that are set, and no others."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass, replace

import pytest

from evalharness.backends.openai.settings import OpenAISettings
from evalharness.domain import (
    NOT_IN_IDENTITY,
    ModelSpec,
    Prices,
    Sampling,
    is_unset,
    list_set_fields,
)

SPEC = ModelSpec(name="vicuna-13b", backend="openai_compatible", settings=OpenAISettings())


@dataclass(frozen=True)
class Inner:
    """A record inside another."""

    top: float | None = None
    level: float = 0.0


@dataclass(frozen=True)
class Outer:
    """A record with every kind of default."""

    name: str
    inner: Inner = field(default_factory=Inner)
    texts: tuple[str, ...] = ()
    by_name: dict[str, Inner] = field(default_factory=dict)
    is_on: bool = False
    is_usual: bool = True
    chooses: bool | None = None
    speed: float = field(default=1.0, metadata=NOT_IN_IDENTITY)


def test_unset_fields_are_left_out():
    """A key contains set fields and fields with a non-empty default."""
    assert list_set_fields(Outer("a")) == {"name": "a", "inner": {"level": 0.0}, "is_usual": True}


@pytest.mark.parametrize("default", [None, False, "", (), {}], ids=repr)
def test_a_new_optional_setting_changes_no_key(default):
    """A release with a new setting repeats no request."""
    empty = field(default_factory=dict) if default == {} else field(default=default)
    newer = make_dataclass("Newer", [("note", object, empty)], bases=(OpenAISettings,), frozen=True)

    assert replace(SPEC, settings=newer()).identity() == SPEC.identity()
    assert replace(SPEC, settings=newer(note="x")).identity() != SPEC.identity()


def test_false_and_zero_are_not_empty():
    """If the default is None, False and 0 are set values."""
    assert list_set_fields(Outer("a", chooses=False))["chooses"] is False
    assert list_set_fields(Outer("a", is_usual=False))["is_usual"] is False
    assert list_set_fields(Outer("a", inner=Inner(top=0.0)))["inner"]["top"] == 0.0
    assert not is_unset(0, None)
    assert not is_unset(0, default=False)


def test_mappings_are_kept_complete():
    """A mapping from a user is not a record, so none of its entries is left out."""
    kind = make_dataclass("Free", [("body", dict, field(default_factory=dict))], frozen=True)

    assert list_set_fields(kind({"thinks": False})) == {"body": {"thinks": False}}


@pytest.mark.parametrize(
    "change",
    [
        {"prices": Prices(input=3.0)},
        {"concurrency": 8},
        {"batch": True},
        {"settings": OpenAISettings(timeout_s=1.0, max_attempts=2, api_key_env="KEY")},
    ],
    ids=str,
)
def test_speed_price_and_access_change_no_key(change):
    """A longer timeout must not repeat paid requests."""
    assert replace(SPEC, **change).identity() == SPEC.identity()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "alpaca-7b"},
        {"backend": "vllm"},
        {"system": "Be brief."},
        {"stop": ("</s>",)},
        {"sampling": Sampling(seed=0)},
        {"sampling_by_category": {"math": Sampling()}},
        {"settings": OpenAISettings(base_url=("http://127.0.0.1:1/v1",))},
        {"settings": OpenAISettings(endpoint="completions")},
    ],
    ids=str,
)
def test_settings_that_may_change_the_text_change_the_key(change):
    """A cached text of another model would be a wrong result."""
    assert replace(SPEC, **change).identity() != SPEC.identity()
