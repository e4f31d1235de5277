"""Check cases from outside the project; tests that need them skip where they are absent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from evalharness.stats.comparisons import compare

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def case():
    """Return a function that reads a check case, computed by independent tools."""

    def read(name):
        folder = Path(os.environ.get("EVALHARNESS_CASES", PROJECT / "../shared/cases"))
        path = folder / f"{name}.json"
        if not path.is_file():
            pytest.skip(f"no check case {path}; EVALHARNESS_CASES names their folder")
        return json.loads(path.read_text(encoding="utf-8"))

    return read


@pytest.fixture
def case_battles(case):
    """Return the battles that several cases share, clustered by question or by battle."""
    battles = case("battles")

    def arrays(*, by_question):
        return compare(
            ["a", "b", "c", "d", "e"],
            battles["a"],
            battles["b"],
            battles["y"],
            question=battles["q"] if by_question else None,
        )

    return arrays


@pytest.fixture
def close():
    """Return a comparison to the tolerance that the cases are given with."""

    def check(actual, expected, tolerance=1e-6):
        assert_allclose(actual, expected, rtol=0, atol=tolerance)

    return check
