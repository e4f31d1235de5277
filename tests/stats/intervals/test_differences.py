"""Tests of differences: the right test and decisions, and no certainty from few questions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles, simulated
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_rel

from evalharness.errors import BattlesError
from evalharness.stats import (
    NonInferiority,
    compare_win_rates,
    measure_win_rates,
    t_test_difference,
)


def test_it_is_the_paired_t_test():
    """Differences of one value a question: scipy's paired t test, its interval and p value."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(6, 2, 40), rng.normal(5.5, 2, 40)
    gaps = first - second

    found = t_test_difference(gaps.mean(), gaps.std(ddof=1) / math.sqrt(40), 40, level=0.9)

    expected = ttest_rel(first, second)
    interval = expected.confidence_interval(0.9)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


@given(st.floats(-3, 3), st.floats(0.01, 2), st.integers(2, 200), st.floats(0, 2))
def test_decisions_follow_the_interval(value, error, clusters, max_drop):
    """The decisions exclude each other; an undecided interval contains the margin."""
    found = t_test_difference(value, error, clusters, level=0.95)

    match found.decide_non_inferiority(max_drop):
        case NonInferiority.NOT_WORSE:
            assert found.low >= -max_drop
        case NonInferiority.WORSE:
            assert found.high < -max_drop
        case NonInferiority.CANNOT_TELL:
            assert found.low < -max_drop <= found.high
    assert (found.p_value < 0.05) == (not found.low <= 0 <= found.high)


def test_a_larger_allowance_never_turns_not_worse_into_worse():
    """What passes a strict gate passes a lenient one."""
    found = t_test_difference(-0.4, 0.15, 30, level=0.95)
    decisions = [found.decide_non_inferiority(drop) for drop in (0.0, 0.3, 0.5, 1.0)]
    assert decisions == [
        NonInferiority.WORSE,
        NonInferiority.CANNOT_TELL,
        NonInferiority.CANNOT_TELL,
        NonInferiority.NOT_WORSE,
    ]


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("value", [0.0, 1.0, -2.0])
def test_a_few_questions_that_agree_decide_nothing(number, value):
    """Their spread is zero, and the next question may show anything."""
    found = t_test_difference(value, 0.0, number, level=0.95, scale=(-9.0, 9.0))
    unseen = 1 - 0.03 ** (1 / number)

    assert found.low == pytest.approx(value - unseen * (value + 9))
    assert found.high == pytest.approx(value + unseen * (9 - value))
    assert found.decide_non_inferiority() is NonInferiority.CANNOT_TELL
    assert found.p_value > 0.05
    assert found.detectable == max(value - found.low, found.high - value)


def test_many_questions_that_agree_decide():
    """A point on each of 80 questions is more than one lost question could undo."""
    better, worse = (
        t_test_difference(value, 0.0, 80, level=0.95, scale=(-9.0, 9.0)) for value in (1.0, -1.0)
    )

    assert better.low == pytest.approx(1 - 10 * (1 - 0.055 ** (1 / 80)))
    assert better.p_value == pytest.approx(0.9**80 / 1.1)
    assert better.decide_non_inferiority() is NonInferiority.NOT_WORSE
    assert worse.decide_non_inferiority() is NonInferiority.WORSE


def test_without_a_scale_questions_that_agree_leave_the_interval_open():
    """Nothing shows the error, and nothing bounds it."""
    found = t_test_difference(1.0, 0.0, 12, level=0.95)

    assert (found.low, found.high, found.p_value) == (-math.inf, math.inf, 1.0)
    assert found.decide_non_inferiority() is NonInferiority.CANNOT_TELL
    assert found.required_clusters() == math.inf


def test_one_question_decides_nothing():
    """It shows no spread."""
    found = t_test_difference(2.0, math.nan, 1, level=0.95)
    assert found.decide_non_inferiority() is NonInferiority.CANNOT_TELL
    assert math.isnan(found.p_value)


def test_the_needed_questions_are_those_that_detect_the_difference():
    """Four times the questions halve what is detectable, so a difference half as large needs them."""
    found = t_test_difference(0.2, 0.1, 50, level=0.95)
    assert found.required_clusters() == pytest.approx(50 * (found.detectable / 0.2) ** 2)
    assert found.required_clusters(0.2) == pytest.approx(found.required_clusters() / 4)
    assert t_test_difference(-0.1, 0.1, 50, level=0.95).required_clusters(0.1) == math.inf


@pytest.mark.parametrize("drop", [-1, math.nan, math.inf])
def test_an_invalid_drop_is_refused(drop):
    """A gate with a mistyped limit must not pass."""
    with pytest.raises(ValueError, match="largest drop"):
        t_test_difference(0.0, 1.0, 9, level=0.95).decide_non_inferiority(drop)


def test_between_two_models_a_win_rates_difference_is_twice_the_lead():
    """One's rate is the other's complement: a paired t test of twice the points minus one."""
    outcomes = 9 * [WON, WON, TIE, LOST, WON, TIE, TIE, LOST]
    found = compare_win_rates(
        battles(*[("a", "b", outcome, q) for q, outcome in enumerate(outcomes)]), "a", "b"
    )

    expected = ttest_1samp([outcome - 1 for outcome in outcomes], 0)
    assert found.value == pytest.approx(np.mean(outcomes) - 1)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_win_rates_over_other_opponents_are_compared_question_by_question():
    """Leaving out one question at a time (the jackknife) gives the same standard error, nearly."""
    comparisons = simulated(models=4, questions=60)
    found = compare_win_rates(comparisons, "model-1", "model-2")

    def gap(chosen):
        rates = {rate.model: rate.value for rate in measure_win_rates(comparisons.select(chosen))}
        return rates["model-1"] - rates["model-2"]

    left_out = [gap(comparisons.cluster != question) for question in range(60)]
    error = math.sqrt(59 / 60 * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert found.value == pytest.approx(gap(np.ones(len(comparisons.first), dtype=bool)))
    assert found.standard_error == pytest.approx(error, rel=0.02)


def test_a_model_without_battles_is_refused():
    """It has no win rate to differ."""
    one = battles(("a", "b", WON), models=["a", "b", "c"])
    with pytest.raises(BattlesError, match="c fought no battle"):
        compare_win_rates(one, "a", "c")
    with pytest.raises(BattlesError, match="'d' is in no battle"):
        compare_win_rates(one, "a", "d")
