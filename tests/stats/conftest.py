"""The battles of the check cases from outside the project."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

from evalharness.stats import build_comparisons


@pytest.fixture
def case_battles(case):
    """Return the battles that several cases share, clustered by question or by battle."""
    battles = case("battles")

    def arrays(*, by_question):
        return build_comparisons(
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
