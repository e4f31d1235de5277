"""Ranks and the ranks that the data leave open."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.stats import rank_estimates, rank_sets


def rng():
    """Return a generator that every test may consume."""
    return np.random.default_rng(11)


def test_rank_sets_agree_with_the_case(case):
    """The case's critical value comes from 400,000 draws and has a tolerance of 0.01."""
    expected = case("rank_sets")
    given = np.array(expected["ratings"]), np.array(expected["cov"])
    sets = rank_sets(*given, rng(), draws=400_000, stepdown=False)

    max_t = expected["max_t"]
    assert sets.critical == pytest.approx(max_t["critical"], abs=max_t["critical_tolerance"])
    assert np.column_stack([sets.low, sets.high]).tolist() == max_t["rank_sets"]
    assert sets.rank.tolist() == [1, 2, 3, 4, 5]


def test_two_models_have_the_critical_value_of_one_comparison():
    """Two models need no correction: the normal quantile 1.96, or Student's with few questions."""
    independent = np.eye(2)
    normal = rank_sets(np.zeros(2), independent, rng(), draws=200_000)
    student = rank_sets(np.zeros(2), independent, rng(), draws=200_000, degrees_of_freedom=5)

    assert normal.critical == pytest.approx(1.960, abs=0.02)
    assert student.critical == pytest.approx(2.571, abs=0.04)


def test_clear_differences_leave_one_rank_each():
    """Far apart, all are decided; at no distance, none is."""
    apart = rank_sets(np.array([0.0, 100.0, 50.0]), np.eye(3), rng())
    equal = rank_sets(np.array([0.0, 0.1, 0.2]), np.eye(3), rng())

    assert apart.rank.tolist() == apart.low.tolist() == apart.high.tolist() == [3, 1, 2]
    assert (equal.low.tolist(), equal.high.tolist()) == ([1, 1, 1], [3, 3, 3])


def test_equal_estimates_share_the_best_rank():
    """Differences by rounding have no rank."""
    assert rank_estimates(np.array([1000.0, 1000.0 + 1e-10, 900.0])).tolist() == [1, 1, 3]


def test_correlated_models_are_separated_sooner():
    """Only differences count: what all questions do to both models drops out."""
    estimates = np.array([0.0, 1.0])
    together = np.array([[1.0, 0.99], [0.99, 1.0]])

    assert rank_sets(estimates, np.eye(2), rng()).low.tolist() == [1, 1]
    assert rank_sets(estimates, together, rng()).low.tolist() == [2, 1]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.integers(0, 100))
def test_a_rank_lies_in_its_set(estimates, seed):
    """For any estimates and covariance, 1 <= low <= rank <= high <= K."""
    size = len(estimates)
    root = np.random.default_rng(seed).normal(size=(size, size))
    sets = rank_sets(np.array(estimates), root @ root.T, rng(), draws=500)

    assert np.all(sets.low >= 1)
    assert np.all(sets.low <= sets.rank)
    assert np.all(sets.rank <= sets.high)
    assert np.all(sets.high <= size)


def test_stepping_down_decides_more_and_never_less():
    """With one model far ahead, the critical value for the other pairs is smaller."""
    estimates = np.array([20.0, 2.52, 0.0, -0.02])
    single, stepped = (
        rank_sets(estimates, np.eye(4) / 2, rng(), draws=100_000, stepdown=way)
        for way in (False, True)
    )

    assert (
        single.critical == stepped.critical == pytest.approx(2.569, abs=0.02)
    )  # Tukey's q / 1.414
    assert (single.low.tolist(), single.high.tolist()) == ([1, 2, 2, 2], [1, 4, 4, 4])
    assert (stepped.low.tolist(), stepped.high.tolist()) == ([1, 2, 3, 3], [1, 2, 4, 4])


def test_stepping_down_is_the_default():
    """A leaderboard does not ask for it, and its rank sets would be wider without it."""
    estimates = np.array([20.0, 2.52, 0.0, -0.02])
    sets = rank_sets(estimates, np.eye(4) / 2, rng(), draws=100_000)

    assert (sets.low.tolist(), sets.high.tolist()) == ([1, 2, 3, 3], [1, 2, 4, 4])


@pytest.mark.parametrize("stepdown", [False, True])
@pytest.mark.parametrize("truth", [[0, 0, 0, 0], [0, 0, 3, 3], [0, 2, 4, 6], [0, 0, 0, 9]])
def test_all_sets_hold_the_true_ranks_at_once(truth, stepdown):
    """In 95% of 2,000 experiments at least, whichever models are equal (three standard errors)."""
    truth = np.array(truth, dtype=float)
    root = np.random.default_rng(3).normal(size=(4, 4)) + 2 * np.eye(4)
    covariance = root @ root.T / 6
    best, worst = 1 + (truth > truth[:, None]).sum(axis=1), (truth >= truth[:, None]).sum(axis=1)
    held = 0
    generator = rng()
    for noise in generator.multivariate_normal(np.zeros(4), covariance, 2000):
        sets = rank_sets(truth + noise, covariance, generator, draws=400, stepdown=stepdown)
        # equal models may take any rank of theirs: no set may exclude one of them
        held += bool(np.all((sets.low <= best) & (sets.high >= worst)))

    assert held / 2000 >= 0.95 - 0.015


def test_an_unknown_covariance_is_refused():
    """One question excludes no rank, which is for the caller to report."""
    with pytest.raises(ValueError, match="finite covariance"):
        rank_sets(np.zeros(2), np.full((2, 2), np.nan), rng())
