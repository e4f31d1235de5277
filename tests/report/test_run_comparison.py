"""A comparison in words never crashes on what it cannot tell, and prints no absurd number."""

import pytest

from evalharness.analysis import ComparisonMetric, ModelComparison
from evalharness.report.run_comparison import _describe_comparison
from evalharness.stats import t_test_difference


def describe(value, error, clusters, scale=(-9.0, 9.0)):
    """Return the lines on a difference of scores."""
    difference = t_test_difference(value, error, clusters, level=0.95, scale=scale)
    comparison = ModelComparison(
        model="a", other="b", metric=ComparisonMetric.SCORE, difference=difference, basis="scores"
    )
    return _describe_comparison(comparison, 0.0, "")


@pytest.mark.parametrize("clusters", [2, 3, 5])
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
@pytest.mark.parametrize("scale", [(-9.0, 9.0), None])
def test_a_difference_that_is_equal_on_a_few_questions_cannot_be_told(value, clusters, scale):
    """A spread of 0 ends in words."""
    assert describe(value, 0.0, clusters, scale)[-1].startswith("cannot tell")


def test_a_number_of_questions_above_a_million_is_not_printed():
    """A difference of a billionth would need 10^19 questions."""
    assert "more than a million questions would" in describe(-1e-9, 0.3, 80)[-1]
    assert "about 5,794 questions" in describe(-0.1, 0.3, 80)[-1]


def test_an_interval_without_an_end_is_open():
    """Without a scale, nothing bounds the error of equal differences."""
    assert "95% interval open on both sides" in describe(1.0, 0.0, 4, None)[1]
