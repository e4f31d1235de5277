"""Test differences on benchmarks, whose values lie between 0 and 1."""

from __future__ import annotations

import math

import pytest

from evalharness.analysis import compare_models
from evalharness.domain import BenchmarkScore, RunRecords
from evalharness.stats import NonInferiority


def _score(model, value, *, n, metric="acc", stderr=0.0):
    return BenchmarkScore(
        model=model,
        suite="suite",
        benchmark="quiz",
        task="quiz",
        metric=metric,
        value=value,
        stderr=stderr,
        n=n,
        few_shot=0,
        harness_version="0.4",
        headline=True,
    )


def _compare(first, second, **about):
    records = RunRecords(
        name="r", benchmarks=(_score("a", first, **about), _score("b", second, **about))
    )
    return compare_models(records, [], "a", "b").difference


def test_equal_differences_on_many_examples_decide():
    """A spread of zero is no crash and no endless interval: a thousand equal examples are enough."""
    difference = _compare(1.0, 0.0, n=1000)

    assert difference.low == pytest.approx(2 * 0.0269065**0.001 - 1, abs=1e-6)
    assert difference.high == 1.0
    assert difference.decide_non_inferiority() is NonInferiority.NOT_WORSE


def test_equal_differences_on_two_examples_decide_nothing():
    """Two examples cannot exclude that the others are the other way round."""
    difference = _compare(1.0, 0.0, n=2)

    assert difference.low < 0 < difference.high == 1.0
    assert difference.decide_non_inferiority() is NonInferiority.CANNOT_TELL


@pytest.mark.parametrize("n", [2, 5, 100])
def test_intervals_lie_within_the_scale(n):
    """No difference of two accuracies is beyond -1 or 1."""
    difference = _compare(1.0, 0.5, n=n, stderr=0.5 / math.sqrt(n))

    assert -1 <= difference.low < difference.value < difference.high <= 1


def test_the_same_result_on_all_examples_proves_a_small_margin():
    """Two models that agree on a thousand examples are within two points of each other."""
    difference = _compare(0.9, 0.9, n=1000)

    assert difference.decide_non_inferiority(0.02) is NonInferiority.NOT_WORSE
    assert difference.low < 0 < difference.high


def test_values_without_a_scale_have_an_open_interval():
    """A perplexity has no largest value, so nothing bounds an equal difference."""
    difference = _compare(12.0, 9.0, n=5, metric="word_perplexity")

    assert (difference.low, difference.high) == (-math.inf, math.inf)
