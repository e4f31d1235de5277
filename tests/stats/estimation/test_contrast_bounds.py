"""Intervals of ratings from few questions: exact for two models, open without a bound, consistent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import betaincinv, logit, stdtr

from evalharness.stats import (
    ELO_PER_NAT,
    NonInferiority,
    bradley_terry,
    build_comparisons,
    davidson,
    estimate_win_probabilities,
    rank_sets,
    rao_kupper,
)


def two_models(wins, losses, ties=0):
    """Return one battle of two models on each question."""
    number = wins + losses + ties
    return build_comparisons(
        ["a", "b"],
        np.zeros(number),
        np.ones(number),
        np.repeat([2, 0, 1], [wins, losses, ties]),
        question=np.arange(number),
    )


def round_robin(outcomes, models=3):
    """Return all pairs of models on each question (row of outcomes)."""
    first, second = np.triu_indices(models, 1)
    questions = len(outcomes)
    return build_comparisons(
        [f"m{place}" for place in range(models)],
        np.tile(first, questions),
        np.tile(second, questions),
        np.ravel(outcomes),
        question=np.repeat(np.arange(questions), len(first)),
    )


def test_two_models_have_the_clopper_pearson_bound_on_the_scale_of_ratings():
    """Nineteen wins of twenty: the exact bounds of the share at 4%, as a difference of ratings."""
    ratings = bradley_terry(two_models(19, 1))
    exact = ELO_PER_NAT * logit(betaincinv([19, 20], [2, 1], [0.04, 0.96]))
    student = replace(ratings, bounds=None).contrast("a", "b")
    found = ratings.contrast("a", "b")

    assert found.low == pytest.approx(min(exact[0], student.low), abs=3)
    assert found.high == pytest.approx(max(exact[1], student.high), abs=10)
    assert found.high > student.high + 20


@pytest.mark.parametrize("questions", [2, 3, 5, 10, 20])
def test_a_model_that_won_all_is_bounded_on_one_side(questions):
    """The win rate is at least .04^(1/G) at 4%, and no difference is too large."""
    found = bradley_terry(two_models(questions, 0), penalty=0.25).contrast("a", "b")
    least = ELO_PER_NAT * logit(0.04 ** (1 / questions))

    assert found.high == np.inf
    assert found.low <= least + 3


def test_two_questions_decide_nothing():
    """Two wins of two are no evidence at 95%: neither for the difference, nor for ranks."""
    ratings = bradley_terry(two_models(2, 0), penalty=0.25)
    tested = ratings.test_difference("a", "b")
    sets = rank_sets(
        ratings.ratings,
        ratings.rating_covariance,
        np.random.default_rng(0),
        errors=ratings.difference_errors,
        degrees_of_freedom=1,
    )

    assert tested.low < 0 < tested.high == np.inf
    assert tested.p_value > 0.05
    assert tested.decide_non_inferiority(10) is NonInferiority.CANNOT_TELL
    assert (sets.low.tolist(), sets.high.tolist()) == ([1, 1], [2, 2])


def test_equal_questions_have_intervals_of_positive_width():
    """The same cycle on three questions leaves no residual spread, which proves nothing."""
    ratings = bradley_terry(round_robin([[2, 0, 2]] * 3))

    assert np.all(ratings.high - ratings.low > 200)
    assert ratings.contrast("m0", "m1").low < -100


@pytest.mark.parametrize(("wins", "losses"), [(5, 0), (6, 1), (9, 1), (18, 4), (15, 5)])
def test_intervals_and_p_values_decide_alike(wins, losses):
    """The interval holds 0 exactly if the p value is above 5%."""
    penalty = 0.0 if losses else 0.25
    tested = bradley_terry(two_models(wins, losses), penalty=penalty).test_difference("a", "b")

    assert (tested.low > 0) == (tested.p_value < 0.05)


def test_many_questions_have_students_interval():
    """The bounds cost nothing where Student's interval holds."""
    rng = np.random.default_rng(0)
    ratings = bradley_terry(round_robin(2 * (rng.random((200, 3)) < 0.55)))
    student = replace(ratings, bounds=None)

    assert ratings.low.tolist() == student.low.tolist()
    assert ratings.difference_errors[0, 1] == pytest.approx(
        student.contrast("m0", "m1").standard_error
    )


@pytest.mark.parametrize("method", [davidson, rao_kupper])
def test_models_of_ties_are_bounded_too(method):
    """Their other parameters are fitted again for each value of the contrast."""
    ratings = method(two_models(11, 1, ties=2))
    student = replace(ratings, bounds=None).contrast("a", "b")
    found = ratings.contrast("a", "b")

    assert found.low == pytest.approx(student.low)
    assert student.high + 10 < found.high < np.inf


def test_names_and_order_of_models_do_not_matter():
    """Swapping two models swaps their intervals."""
    outcomes = np.random.default_rng(5).choice([0, 2], (4, 3))
    plain = bradley_terry(round_robin(outcomes), penalty=0.25)
    # The pairs are (0,1), (0,2), (1,2): exchanging the models 0 and 1 mirrors the first.
    swapped = bradley_terry(
        round_robin(np.column_stack([2 - outcomes[:, 0], outcomes[:, 2], outcomes[:, 1]])),
        penalty=0.25,
    )

    assert swapped.low[[1, 0, 2]] == pytest.approx(plain.low, abs=1e-4)
    assert swapped.high[[1, 0, 2]] == pytest.approx(plain.high, abs=1e-4)


def test_which_model_of_a_pair_is_first_does_not_matter():
    """A battle with exchanged sides and the mirrored outcome is the same battle."""
    rng = np.random.default_rng(3)
    outcomes = rng.integers(0, 3, (4, 3))
    plain = round_robin(np.vstack([outcomes, rng.integers(0, 3, (2, 3))]))
    plain = replace(plain, cluster=plain.cluster % 4)
    swapped = rng.random(len(plain.first)) < 0.5
    mixed = replace(
        plain,
        first=np.where(swapped, plain.second, plain.first),
        second=np.where(swapped, plain.first, plain.second),
        outcome=np.where(swapped, 2 - plain.outcome, plain.outcome),
    )
    fits = [bradley_terry(each) for each in (plain, mixed)]

    assert fits[1].low == pytest.approx(fits[0].low, abs=1e-6)
    assert fits[1].high == pytest.approx(fits[0].high, abs=1e-6)


def test_errors_of_differences_have_the_p_values_of_the_tests():
    """Student's test with the error of a difference is the test of that difference."""
    ratings = bradley_terry(round_robin(2 * np.array([[1, 1, 0], [1, 1, 1], [1, 1, 1], [0, 1, 1]])))
    tested = ratings.test_difference("m0", "m2")
    error = ratings.difference_errors[0, 2]

    assert error == ratings.difference_errors[2, 0]
    assert error > tested.standard_error
    assert tested.p_value == pytest.approx(2 * stdtr(3, -tested.value / error))


def test_battles_without_questions_are_bounded_as_questions_of_one_battle():
    """Counts of battles and questions with one battle each are the same data."""
    by_question = two_models(9, 1)
    by_battle = replace(by_question, clustered_by="battle")

    assert bradley_terry(by_battle).contrast("a", "b").low == pytest.approx(
        bradley_terry(by_question).contrast("a", "b").low, abs=1e-3
    )


def test_the_chance_to_win_is_certain_only_where_the_interval_is_open():
    """An open difference of ratings is a chance of up to 1."""
    found = estimate_win_probabilities(bradley_terry(two_models(5, 0), penalty=0.25))

    assert found.high[0, 1] == 1.0
    assert found.low[0, 1] == pytest.approx(1 - found.high[1, 0])
    assert found.low[0, 1] < 0.56
