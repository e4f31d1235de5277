"""A model's end is said with its date and its successor."""

from __future__ import annotations

import pytest

from evalharness.domain import ModelSpec, describe_retirement, is_retired


@pytest.mark.parametrize(
    ("retired", "successor", "said"),
    [
        (None, None, None),
        ("2026-10-23", "b", "retired 2026-10-23; use b"),
        ("2026-11-30", None, "retired 2026-11-30"),
        ("2027-01-14", "b", "ends 2027-01-14; use b"),
    ],
)
def test_a_day_in_the_future_is_an_end_and_one_in_the_past_a_retirement(retired, successor, said):
    """The reader learns whether the model can still be asked."""
    assert describe_retirement(retired, successor, "2026-11-30") == said


def test_a_model_is_retired_from_its_day_on():
    """The day itself counts: the provider answers no more."""
    spec = ModelSpec(name="a", backend="scripted", retired="2026-10-23")

    assert not is_retired(spec, "2026-10-22")
    assert is_retired(spec, "2026-10-23")
    assert not is_retired(ModelSpec(name="b", backend="scripted"), "2026-10-23")
