"""Intervals of bounded means hold from two questions on, and cost little where t holds."""

import itertools

import numpy as np
import pytest
from scipy.special import betaincinv, gammaln

from evalharness.stats import clustered_mean, clustered_proportion
from evalharness.stats.intervals.bounded_means import (
    exact_tail,
    guard_interval,
    guard_p_value,
    guard_tail,
)
from evalharness.stats.intervals.question_means import QuestionMeans

SCORES = (1.0, 10.0)


def question_means(values, *, weight=None, count=None, scale=SCORES):
    """Return question means on the scale of scores."""
    numbers = np.asarray(values, dtype=np.float64)
    weights = np.ones(len(numbers)) if weight is None else np.asarray(weight, dtype=np.float64)
    return QuestionMeans.from_values(
        numbers, weights, scale, count=None if count is None else np.asarray(count, np.float64)
    )


def guard(questions, error=0.0, level=0.95):
    """Return the guard alone: that of an interval of width 0."""
    return guard_interval(questions, questions.mean, questions.mean, error, level=level)


def test_equal_scores_on_two_questions_leave_much_open():
    """6 and 6 might be followed by anything: the unseen share is 1 - sqrt(.03)."""
    mean = clustered_mean([6.0, 6.0], [1, 2], scale=SCORES)
    unseen = 1 - 0.03**0.5

    assert (mean.value, mean.standard_error) == (6.0, 0.0)
    assert mean.low == pytest.approx(6 - unseen * 5)
    assert mean.high == pytest.approx(6 + unseen * 4)


def test_eighty_scores_of_two_values_have_the_exact_interval_between_them():
    """Fours and nines are counted as yes and no are: 64 nines of 80, 3% on each side."""
    mean = clustered_mean([4.0] * 16 + [9.0] * 64, range(80), scale=SCORES)
    tail = exact_tail(80, 0.95)

    assert mean.low == pytest.approx(4 + 5 * betaincinv(64, 17, tail))
    assert mean.high == pytest.approx(4 + 5 * betaincinv(65, 16, 1 - tail))


def test_a_value_that_was_seen_once_proves_no_difference():
    """One win by 9 points beside 79 equal results: the opposite may happen as often."""
    values = question_means([9.0] + [0.0] * 79, scale=(-9.0, 9.0))
    low, high = guard_interval(values, -0.11, 0.34, 0.1125, level=0.95)

    assert low <= -0.11
    assert high >= 0.34
    assert guard_p_value(values, 0.0, 0.32, 0.1125, level=0.95) >= 0.32


@pytest.mark.parametrize("value", [1.0, 10.0])
def test_equal_scores_at_an_end_of_the_scale_have_one_open_side(value):
    """Nothing lies beyond the scale."""
    mean = clustered_mean([value] * 5, range(5), scale=SCORES)

    assert value in (mean.low, mean.high)
    assert mean.high - mean.low == pytest.approx(9 * (1 - 0.03**0.2))


def test_yes_or_no_has_the_interval_of_clopper_and_pearson():
    """One failure in 80 questions: Wilson's lower end is six times too high."""
    share = clustered_proportion([1.0] + [0.0] * 79, range(80))

    assert share.low == pytest.approx(betaincinv(1, 80, 0.03))
    assert share.high == pytest.approx(1 - betaincinv(79, 2, 0.03))


def test_ones_and_tens_have_the_interval_of_their_share():
    """The scale does not matter: a score of 1 or 10 is yes or no."""
    mean = clustered_mean([10.0] * 30 + [1.0] * 50, range(80), scale=SCORES)
    share = clustered_proportion([1.0] * 30 + [0.0] * 50, range(80))

    assert [(end - 1) / 9 for end in (mean.low, mean.high)] == pytest.approx(
        [share.low, share.high]
    )


def test_weights_of_yes_or_no_reduce_the_number_of_questions():
    """Ten questions of weight 1 and one of weight 10 are as many as 400 / 110."""
    questions = question_means([0.0] * 10 + [1.0], weight=[1.0] * 10 + [10.0], scale=(0, 1))
    half = 200 / 110

    assert guard(questions) == pytest.approx(
        (betaincinv(half, half + 1, 0.03), betaincinv(half + 1, half, 0.97))
    )


def test_the_tail_of_yes_or_no_falls_to_that_of_a_normal_interval():
    """Many questions need no allowance for the steps of a share."""
    tails = [exact_tail(number, 0.95) for number in (2, 80, 400, 10**8)]

    assert tails == pytest.approx([0.03, 0.03, 0.028069, 0.025], abs=1e-5)


@pytest.mark.parametrize("number", [2, 3, 5, 10, 20, 80, 200])
def test_shares_of_binary_questions_are_covered(number):
    """The coverage is exact, also beside each end of an interval, where it is lowest."""
    wins = np.arange(number + 1)
    intervals = [clustered_proportion(np.arange(number) < won, range(number)) for won in wins]
    low, high = (np.array([getattr(each, end) for each in intervals]) for end in ("low", "high"))
    beside = [end + step for end in (low, high) for step in (-1e-9, 1e-9)]
    rates = np.concatenate([np.linspace(0.005, 0.995, 100), *beside])
    rate = rates[(rates > 0) & (rates < 1)]
    log_choose = gammaln(number + 1) - gammaln(wins + 1) - gammaln(number - wins + 1)
    lost = number - wins
    chance = np.exp(log_choose + np.outer(np.log(rate), wins) + np.outer(np.log1p(-rate), lost))
    held = (low <= rate[:, None]) & (rate[:, None] <= high)

    assert np.all(high > low)
    assert (chance * held).sum(axis=1).min() >= 0.94


@pytest.mark.parametrize("number", [2, 5, 20])
def test_scores_with_a_rare_failure_are_covered(number):
    """9 in 10 answers are perfect, so most small samples show no spread."""
    rng = np.random.default_rng(number)
    scores = rng.choice([10.0, 9.0, 5.0, 1.0], p=[0.9, 0.05, 0.03, 0.02], size=(120, number))
    means = [clustered_mean(row, range(number), scale=SCORES) for row in scores]
    true = 9.0 + 0.45 + 0.15 + 0.02

    assert np.mean([mean.low <= true <= mean.high for mean in means]) >= 0.96


@pytest.mark.parametrize("scale", [SCORES, (-9.0, 9.0)])
def test_the_price_of_the_guard_is_small_where_the_questions_show_the_spread(scale):
    """80 rounded normal scores, or their differences, keep the width of the t interval."""
    rng = np.random.default_rng(0)
    scores = np.clip(np.round(rng.normal(7 if scale == SCORES else 0, 1.5, (40, 80))), *scale)
    plain = [clustered_mean(row, range(80)) for row in scores]
    guarded = [clustered_mean(row, range(80), scale=scale) for row in scores]
    widths = [sum(each.high - each.low for each in means) for means in (guarded, plain)]

    assert 1 <= widths[0] / widths[1] < 1.01


def test_an_interval_stays_in_the_scale():
    """The t interval of three scores reaches to -1.5."""
    plain = clustered_mean([2.0, 3.0, 7.0], range(3))
    mean = clustered_mean([2.0, 3.0, 7.0], range(3), scale=SCORES)

    assert plain.low < 1 < plain.high
    assert (mean.low, mean.high) == (1, 10)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(
    "values",
    [
        [6.0] * 4,
        [10.0] * 9,
        [10.0, 9.0, 10.0],
        [10.0, 1.0, 10.0, 10.0],
        [3.0, 7.0, 8.0, 8.0, 2.0, 9.0],
    ],
)
def test_the_p_value_agrees_with_the_interval(values, level):
    """The p value of a bound of the interval is 1 - level."""
    questions = question_means(values)
    error = float(np.std(values, ddof=1) / len(values) ** 0.5)
    low, high = guard(questions, error, level)
    for bound in (low, high):
        if bound not in SCORES:
            p_value = guard_p_value(questions, bound, 0.0, error, level=level)
            assert p_value == pytest.approx(1 - level, rel=0.01)
    assert guard_p_value(questions, questions.mean, 0.0, error, level=level) == 1


def test_counts_stand_for_repeated_questions():
    """Counted battles have the interval of battles that are listed."""
    listed = question_means([1.0] * 3 + [0.0] * 2 + [0.5] * 2, scale=(0, 1))
    counted = question_means([1.0, 0.0, 0.5], count=[3, 2, 2], scale=(0, 1))

    assert guard(counted, 0.15) == pytest.approx(guard(listed, 0.15))


def test_questions_without_weight_add_no_certainty():
    """Twenty questions with a millionth of the weight are not twenty more questions."""
    few = guard(question_means([10.0, 9.0, 9.0, 10.0]), 0.29)
    padded = question_means([10.0, 9.0, 9.0, 10.0] + [9.5] * 20, weight=[1.0] * 4 + [1e-6] * 20)
    none = question_means([10.0, 9.0, 9.0, 10.0, 2.0], weight=[1, 1, 1, 1, 0])

    assert guard(padded, 0.29)[0] == pytest.approx(few[0], abs=0.01)
    assert guard(none, 0.29) == pytest.approx(few)


def test_the_tail_grows_from_few_to_many_questions():
    """The guard is strict for few questions."""
    tails = [guard_tail(number, 0.95) for number in (2, 20, 50, 80, 1000)]

    assert tails == pytest.approx([0.03, 0.03, 0.0425, 0.055, 0.055])
    assert all(first <= second for first, second in itertools.pairwise(tails))
    assert guard_tail(80, 0.3) == 0.5
