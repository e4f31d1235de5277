"""Means and proportions clustered by question."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats import clustered_mean, clustered_proportion


def test_means_agree_with_the_case(case, close):
    """The case's error, by Miller's formula, is without the factor G/(G-1)."""
    expected = case("clustered_mean")
    clusters = len(set(expected["q"]))
    without = math.sqrt((clusters - 1) / clusters)

    mean = clustered_mean(expected["A"], expected["q"])
    close([mean.value, mean.standard_error * without], expected["A_mean_se_clustered"])

    paired = np.array(expected["A"]) - np.array(expected["B"])
    difference = clustered_mean(paired, expected["q"])
    close(
        [difference.value, difference.standard_error * without],
        expected["diff_mean_se_clustered"],
    )


def test_without_clusters_it_is_the_standard_error_of_the_mean():
    """Each value its own cluster: the sample deviation over the root of n."""
    values = [3.0, 5.0, 8.0, 8.0]
    mean = clustered_mean(values, range(4))

    assert mean.value == pytest.approx(6)
    assert mean.standard_error == pytest.approx(np.std(values, ddof=1) / 2)
    # Student's t, three degrees, 97.5%
    assert mean.high - mean.value == pytest.approx(3.182446 * mean.standard_error, rel=1e-6)


def test_two_turns_that_always_agree_are_one_value():
    """Repeating every value inside its cluster adds no information."""
    once = clustered_mean([3.0, 5.0, 8.0], [1, 2, 3])
    twice = clustered_mean([3.0, 3.0, 5.0, 5.0, 8.0, 8.0], [1, 1, 2, 2, 3, 3])

    assert twice.standard_error == pytest.approx(once.standard_error)
    assert (twice.count, twice.clusters) == (6, 3)


def test_one_cluster_has_a_mean_without_an_interval():
    """One question shows no spread, so the interval is NaN."""
    mean = clustered_mean([7.0, 9.0], [1, 1])

    assert mean.value == 8
    assert math.isnan(mean.low)
    assert math.isnan(clustered_proportion([1.0, 0.0], [1, 1]).high)


@pytest.mark.parametrize("values", [[], [7.0, math.nan], [math.inf]])
def test_missing_values_are_refused(values):
    """The caller leaves a missing grade out and counts it; here it is never a number."""
    with pytest.raises(ValueError, match="finite"):
        clustered_mean(values, range(len(values)))


def test_a_share_of_all_has_the_interval_for_the_number_of_questions():
    """Ten wins of ten are not certainty: a share of .03^(1/10) wins all ten in 3 of 100 cases."""
    share = clustered_proportion([1.0] * 20, np.repeat(np.arange(10), 2))

    assert share.value == 1
    assert share.high == 1
    assert share.low == pytest.approx(0.03**0.1)


def test_a_share_of_many_has_nearly_the_plain_interval():
    """With many questions, the exact interval is the normal one."""
    values = np.random.default_rng(0).random(4000) < 0.3
    share = clustered_proportion(values, range(4000))
    plain = clustered_mean(values, range(4000))

    assert share.low == pytest.approx(plain.low, abs=5e-4)
    assert share.high == pytest.approx(plain.high, abs=5e-4)


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 5)), min_size=2, max_size=40
    ).filter(lambda entries: len({question for _, question in entries}) > 1)
)
def test_a_share_lies_in_its_interval_inside_0_and_1(entries):
    """For any battles, the interval lies in 0..1 and has a positive width."""
    values, questions = zip(*entries, strict=True)
    share = clustered_proportion(values, questions)

    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.low < share.high
