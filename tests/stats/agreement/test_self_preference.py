"""A judge's self-preference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalharness.stats import average_other_judges, measure_self_preference


def test_self_preference_agrees_with_the_case(case, close):
    """A clustered regression by statsmodels, without the factor G/(G-1)."""
    expected = case("self_preference")
    found = measure_self_preference(
        expected["judge"], expected["human"], expected["own"], expected["q"], level=0.95
    )

    close(found.value, expected["estimate"])
    close(found.standard_error * math.sqrt(59 / 60), expected["se"])
    assert (found.own_count + found.other_count, found.clusters) == (300, 60)
    assert (found.reference, found.level) == ("humans", 0.95)


def test_better_models_of_its_own_family_are_no_bias():
    """Points that the reference gives them too cancel."""
    rng = np.random.default_rng(1)
    own = np.arange(400) % 2 == 0
    human = (rng.random(400) < np.where(own, 0.8, 0.4)).astype(float)
    fair = measure_self_preference(human, human, own, np.arange(400) // 4)
    partial = measure_self_preference(
        np.where(own, 1.0, human), human, own, np.arange(400) // 4, reference_kind="panel"
    )

    assert fair.value == 0
    assert partial.low > 0
    assert partial.value == pytest.approx(1 - human[own].mean())
    assert partial.reference == "panel"


def test_the_rest_of_the_panel_leaves_the_judge_out():
    """Each judge is compared with the mean of the others, some of whom may have judged nothing."""
    points = np.array([[1.0, 0.0, 0.5], [1.0, math.nan, math.nan]])

    np.testing.assert_allclose(
        average_other_judges(points), [[0.25, 0.75, 0.5], [math.nan, 1.0, 1.0]]
    )


@pytest.mark.parametrize(
    ("judge", "is_own", "message"),
    [([1, 0], [True, True], "others"), ([1, math.nan], [True, False], "finite")],
)
def test_invalid_arguments_are_refused(judge, is_own, message):
    """A single family, or missing points, give no figure."""
    with pytest.raises(ValueError, match=message):
        measure_self_preference(judge, [1, 0], is_own, [0, 1])
