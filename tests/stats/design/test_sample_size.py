"""How many questions or battles a difference needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from evalharness.stats import (
    bradley_terry,
    build_comparisons,
    clustered_mean,
    design_effect,
    equivalent_battles,
    minimum_detectable_difference,
    minimum_detectable_rating_gap,
    paired_standard_deviation,
    required_battles,
    required_questions,
    required_questions_by_t_test,
)

powers = st.floats(0.5, 0.99)
levels = st.floats(0.5, 0.999)


def test_questions_agree_with_the_case(case, close):
    """The normal approximation, and the paired t test by statsmodels."""
    expected = case("power")
    normal, student = expected["paired_normal"], expected["paired_t"]

    close(required_questions(normal["d"], normal["sd"]).number, normal["n"])
    close(required_questions_by_t_test(student["effect"], 1.0).number, student["n"])


def test_millers_example_comes_out(case, close):
    """One answer a question each: 3,876 questions; 969 if answers did not vary."""
    expected = case("power")["miller_check"]
    deviations = [math.sqrt(expected[name]) for name in ("omega2", "sigma2A", "sigma2B")]

    close(
        required_questions(expected["delta"], paired_standard_deviation(*deviations)).number,
        expected["n"],
    )
    assert required_questions(0.03, paired_standard_deviation(deviations[0])).rounded_up == 969


@pytest.mark.parametrize("gap", [10, 20, 35, 50, 100])
def test_battles_agree_with_the_case(case, close, gap):
    """With and without a quarter of ties."""
    expected = case("power")["elo"][str(gap)]

    close(required_battles(gap).number, expected["n_no_ties"])
    close(required_battles(gap, tie_share=0.25).number, expected["n_ties25"])


def test_clusters_multiply_by_the_design_effect(case, close):
    """Four rows a question, correlated by 0.3, are worth 4 / 1.9."""
    expected = case("power")["design_effect"]

    close(design_effect(expected["m"], expected["icc"]), expected["deff"])
    assert design_effect(1, 0.9) == 1


def test_eighty_questions_in_both_orders_do_not_detect_75_points():
    """What one pair of models can show on MT-Bench."""
    assert 75 < minimum_detectable_rating_gap(160).difference < 80


def test_more_answers_per_question_reduce_the_variance_of_answers():
    """Resampling averages the noise of answers, not the spread of questions."""
    assert paired_standard_deviation(1.0, 2.0, samples=4) == pytest.approx(math.sqrt(2))
    assert paired_standard_deviation(
        1.0, 2.0, 2.0, samples=10**9, other_samples=10**9
    ) == pytest.approx(1)


def test_a_finished_design_finds_what_it_calls_detectable():
    """In simulations, the true difference is detected in about 80 of 100 runs."""
    rng = np.random.default_rng(3)
    questions, runs = 40, 400
    error = 1 / math.sqrt(questions)
    found = minimum_detectable_difference(error, questions)
    means = [clustered_mean(each, range(questions)) for each in rng.normal(size=(runs, questions))]

    share = np.mean([mean.low + found.difference > 0 for mean in means])
    assert share == pytest.approx(0.8, abs=0.06)


@given(st.floats(5, 290), st.floats(0, 0.3), levels, powers)
def test_the_detectable_gap_is_the_inverse_of_the_battles_needed(gap, ties, level, power):
    """Applying both functions returns the input."""
    needed = required_battles(gap, tie_share=ties, level=level, power=power)
    back = minimum_detectable_rating_gap(needed.number, tie_share=ties, level=level, power=power)

    assert back.difference == pytest.approx(gap, rel=1e-6)
    assert (needed.level, needed.power, needed.difference) == (level, power, gap)


@given(st.floats(0.01, 3), st.floats(0.9, 0.999), st.floats(0.7, 0.99))
def test_a_t_test_needs_about_what_the_normal_approximation_does(effect, level, power):
    """It counts both tails, so it can need a little less; more by under the normal quantile squared."""
    normal = required_questions(effect, 1.0, level=level, power=power).number
    student = required_questions_by_t_test(effect, 1.0, level=level, power=power).number

    assert (1 - 2e-4) * normal <= student <= normal + 12


def test_a_t_test_counts_both_tails():
    """By statsmodels, TTestPower().solve_power: 8728.8976; the normal approximation: 8728.9093."""
    settings = {"level": 0.90234375, "power": 0.703125}

    student = required_questions_by_t_test(0.0234375, 1.0, **settings).number
    normal = required_questions(0.0234375, 1.0, **settings).number

    assert (student, normal) == (
        pytest.approx(8728.8976, abs=1e-3),
        pytest.approx(8728.9093, abs=1e-3),
    )


@given(st.floats(0.01, 1), st.floats(0.1, 5))
def test_half_the_difference_needs_four_times_the_questions(difference, deviation):
    """The square law of sample sizes."""
    whole = required_questions(difference, deviation).number

    assert required_questions(difference / 2, deviation).number == pytest.approx(4 * whole)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: required_questions(0, 1), "difference"),
        (lambda: required_questions(1, math.nan), "deviation"),
        (lambda: required_questions(1, 1, level=1), "level"),
        (lambda: required_questions(1, 1, power=0.2), "power"),
        (lambda: required_battles(-10), "gap"),
        (lambda: required_battles(10, tie_share=1), "ties"),
        (lambda: required_battles(800, tie_share=0.95), "no gap of 800"),
        (lambda: minimum_detectable_rating_gap(0), "battles"),
        (lambda: minimum_detectable_rating_gap(2), "too few"),
        (lambda: minimum_detectable_difference(1, 1), "two clusters"),
    ],
)
def test_invalid_arguments_are_refused(call, message):
    """The message names the invalid argument."""
    with pytest.raises(ValueError, match=message):
        call()


def test_battles_with_third_models_add_information():
    """All pairs of K models are worth K n / 2 of each; a chain of two links is worth half a link."""
    all_pairs = 12 * (1 - np.eye(5))
    chain = np.array([[0, 8, 0], [8, 0, 8], [0, 8, 0]])
    apart = np.array([[0, 8, 0], [8, 0, 0], [0, 0, 0]])

    assert_allclose(equivalent_battles(all_pairs)[~np.eye(5, dtype=bool)], 30)
    assert_allclose(equivalent_battles(chain)[[0, 0, 1], [1, 2, 2]], [8, 4, 8])
    assert_allclose(equivalent_battles(apart)[[0, 0], [1, 2]], [8, 0])


def test_the_information_of_a_design_is_the_inverse_variance_of_a_fit():
    """Between equals a battle's information is 1/4, so a gap's variance is 4 / battles."""
    rng = np.random.default_rng(2)
    fought = np.triu(rng.integers(1, 30, (6, 6)), 1)
    first, second = np.nonzero(fought)
    times = fought[first, second]
    ties = build_comparisons(
        list("abcdef"), np.repeat(first, times), np.repeat(second, times), np.ones(times.sum())
    )
    inverse = bradley_terry(ties).inverse_information

    expected = equivalent_battles(fought + fought.T)

    variances = np.diag(inverse)[:, None] + np.diag(inverse) - 2 * inverse
    pairs = np.triu_indices(6, 1)
    assert_allclose(4 / variances[pairs], expected[pairs])
