"""Which models differ, corrected for the number of pairs."""

from __future__ import annotations

import numpy as np
import pytest
from battle_lists import simulated
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from evalharness.stats import (
    MultipleTestCorrection,
    bradley_terry,
    compare_all_pairs,
    estimate_better_probabilities,
    estimate_win_probabilities,
)

FIELDS = {MultipleTestCorrection.HOLM: "holm", MultipleTestCorrection.BENJAMINI_HOCHBERG: "fdr_bh"}


@st.composite
def estimated(draw):
    """Draw estimates of up to seven models with any covariance."""
    estimates = np.array(draw(st.lists(st.floats(-5, 5), min_size=1, max_size=7)))
    root = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(len(estimates),) * 2)
    return estimates, root @ root.T


@pytest.mark.parametrize("correction", MultipleTestCorrection)
def test_corrections_agree_with_the_case(case, close, correction):
    """Computed by statsmodels, with the rank sets that follow."""
    expected = case("rank_sets")
    found = compare_all_pairs(
        np.array(expected["ratings"]), np.array(expected["cov"]), correction=correction
    )
    pairs = tuple(np.array(expected["pairs"]).T)
    corrected = expected[FIELDS[correction]]

    close(found.p_values[pairs], expected["p_raw"])
    close(found.adjusted[pairs], corrected["adj_p"])
    assert (found.above | found.above.T)[pairs].tolist() == corrected["reject"]
    assert np.column_stack([found.low, found.high]).tolist() == corrected["rank_sets"]
    assert (found.correction, found.level) == (correction, 0.95)


def test_groups_are_the_letters_of_a_compact_display(case):
    """In the case, the first and the last model are separate, and second to fourth overlap."""
    expected = case("rank_sets")
    found = compare_all_pairs(np.array(expected["ratings"]), np.array(expected["cov"]))

    assert found.groups == ((0,), (1, 2), (2, 3), (4,))


def test_groups_may_overlap():
    """The middle one of three differs from neither end; the ends differ from each other."""
    found = compare_all_pairs(np.array([0.0, 4.0, 2.0]), np.eye(3))

    assert found.groups == ((1, 2), (2, 0))
    assert compare_all_pairs(np.zeros(3), np.eye(3)).groups == ((0, 1, 2),)
    assert compare_all_pairs(np.array([0.0, 90.0, 30.0]), np.eye(3)).groups == ((1,), (2,), (0,))


def test_correlated_models_are_separated_sooner():
    """Only the variance of the difference counts."""
    together = np.array([[1.0, 0.99], [0.99, 1.0]])

    assert not compare_all_pairs(np.array([0.0, 1.0]), np.eye(2)).above.any()
    assert compare_all_pairs(np.array([0.0, 1.0]), together).above[1, 0]


def test_differences_by_rounding_or_without_error_decide_nothing():
    """A spread of zero is a matter of chance, however large the difference is."""
    same = compare_all_pairs(np.array([1000.0, 1000.0 + 1e-10]), np.ones((2, 2)))
    apart = compare_all_pairs(np.array([1000.0, 1001.0]), np.ones((2, 2)))

    assert same.p_values[0, 1] == apart.p_values[0, 1] == 1
    assert not apart.above.any()


def test_errors_in_one_direction_decide():
    """The error of the better minus the worse counts; an open interval decides nothing."""
    estimates, covariance = np.array([0.0, 4.0]), np.eye(2) / 2
    closed = compare_all_pairs(estimates, covariance, errors=np.array([[0, np.inf], [1.5, 0]]))
    opened = compare_all_pairs(estimates, covariance, errors=np.array([[0, 1.5], [np.inf, 0]]))

    assert closed.p_values[0, 1] == closed.p_values[1, 0] == pytest.approx(0.00766, abs=1e-5)
    assert closed.above[1, 0]
    assert opened.p_values[0, 1] == 1
    assert estimate_better_probabilities(
        estimates, covariance, errors=np.full((2, 2), np.inf)
    ).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_few_questions_widen_the_critical_value():
    """Student's t with two degrees of freedom: 4.303 standard errors instead of 1.96."""
    estimates, covariance = np.array([0.0, 4.0]), np.eye(2) / 2

    assert compare_all_pairs(estimates, covariance).above[1, 0]
    assert not compare_all_pairs(estimates, covariance, degrees_of_freedom=2).above.any()


def test_being_better_and_winning_a_battle_are_two_chances():
    """With more battles the first becomes certain, the second only known."""
    few, many = bradley_terry(simulated(questions=30)), bradley_terry(simulated(questions=300))
    better = [
        estimate_better_probabilities(each.strengths, each.covariance[:4, :4])
        for each in (few, many)
    ]
    wins = [estimate_win_probabilities(each) for each in (few, many)]

    assert 0.9 < better[0][0, 3] <= better[1][0, 3]
    assert better[1][0, 3] > 0.9999
    assert wins[1].value[0, 3] < 0.8
    assert wins[1].high[0, 3] - wins[1].low[0, 3] < wins[0].high[0, 3] - wins[0].low[0, 3]


def test_the_chance_to_win_has_the_interval_of_the_contrast():
    """The odds of ten to one are 400 points, at each end."""
    ratings = bradley_terry(simulated())
    found = estimate_win_probabilities(ratings)
    contrast = ratings.contrast("model-0", "model-2")

    for matrix, points in (
        (found.value, contrast.value),
        (found.low, contrast.low),
        (found.high, contrast.high),
    ):
        assert matrix[0, 2] == pytest.approx(1 / (1 + 10 ** (-points / 400)))
    assert (found.models, found.level) == (ratings.models, 0.95)


@given(estimated())
def test_both_sides_of_a_pair_add_up_to_one(given_estimates):
    """Either is better; equals are a toss-up."""
    better = estimate_better_probabilities(*given_estimates)

    assert_allclose(better + better.T, 1, atol=1e-12)
    assert_allclose(np.diag(better), 0.5)


@given(estimated(), st.sampled_from(MultipleTestCorrection))
def test_every_decision_keeps_a_pair_apart_and_no_other_does(given_estimates, correction):
    """Two models share a group exactly when they do not differ significantly."""
    found = compare_all_pairs(*given_estimates, correction=correction)
    size = len(given_estimates[0])
    together = np.zeros((size, size), dtype=bool)
    for group in found.groups:
        together[np.ix_(group, group)] = True

    assert np.array_equal(together, ~(found.above | found.above.T))
    for group in found.groups:
        assert not any(set(group) < set(other) for other in found.groups)


@given(estimated())
def test_correction_only_makes_decisions_harder(given_estimates):
    """Holm is stricter than Benjamini-Hochberg, and both than none."""
    holm, share = (compare_all_pairs(*given_estimates, correction=kind) for kind in FIELDS)

    assert np.all(holm.adjusted >= share.adjusted - 1e-12)
    assert np.all(share.adjusted >= np.minimum(1, share.p_values) - 1e-12)
    assert np.all(holm.low <= holm.high)


def test_an_unknown_covariance_or_level_is_refused():
    """One question has no covariance, and 95 is not a level."""
    with pytest.raises(ValueError, match="finite covariance"):
        compare_all_pairs(np.zeros(2), np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="level"):
        compare_all_pairs(np.zeros(2), np.eye(2), level=95)
