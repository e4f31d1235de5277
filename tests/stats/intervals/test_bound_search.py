"""The search of bounds finds roots, keeps allowed bounds, and opens what has none."""

import numpy as np
import pytest

from evalharness.stats.intervals.bound_search import search_bounds


def test_finds_roots_on_both_sides_and_opens_bounds_without_one():
    """The function falls with the distance from 1, faster for some bounds than for others."""
    slopes = np.array([1.0, 3.0, 0.0, 9.0])
    sides = np.array([1.0, -1.0, 1.0, -1.0])

    def excess(places, values):
        return 2.0 - slopes[places] * (values - 1) ** 2

    found = search_bounds(excess, 1 - sides * 0.5, np.ones(4), sides, farthest=10.0)

    assert found[:2] == pytest.approx([1 - np.sqrt(2), 1 + np.sqrt(2 / 3)], abs=1e-7)
    assert found[2] == -np.inf
    assert found[3] == 1.5  # already beyond the root
