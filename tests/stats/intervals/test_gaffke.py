"""Gaffke's tail against exact binomial tails, exact gamma tails and simulation."""

import numpy as np
import pytest
from scipy.special import betaincinv

from evalharness.stats.intervals.gaffke import gaffke_tail


@pytest.mark.parametrize(("number", "ones"), [(5, 3), (10, 1), (20, 19), (80, 40), (2, 2)])
def test_binary_values_give_the_clopper_pearson_bound(number, ones):
    """The tail is 5% at the exact lower bound of a share."""
    bound = betaincinv(ones, number - ones + 1, 0.05)
    values = np.repeat([1.0, 0.0], [ones, number - ones])

    assert gaffke_tail(values - bound, -bound) == pytest.approx(0.05, rel=0.04)


@pytest.mark.parametrize("number", [1, 2, 5, 80])
@pytest.mark.parametrize("value", [0.05, 1.0, 3.0])
def test_equal_values_have_a_gamma_tail(number, value):
    """Equal values compare a gamma variable with an exponential one."""
    exact = (1 + value) ** -float(number)

    assert gaffke_tail(np.full(number, value), -1.0) == pytest.approx(exact, rel=0.1)


def test_agrees_with_simulated_weights_of_mixed_values():
    """Drawn weights give the same probability."""
    rng = np.random.default_rng(0)
    values = rng.normal(0.4, 1.0, 12)
    weights = rng.exponential(size=(200_000, 13))
    simulated = np.mean(weights[:, :-1] @ values - 3.0 * weights[:, -1] <= 0)

    assert gaffke_tail(values, -3.0) == pytest.approx(simulated, abs=0.005)


def test_counts_repeat_values_and_leading_axes_are_separate_sets():
    """Counts and batches are shorthands."""
    values = np.array([[0.5, -0.2], [0.1, 0.3]])
    tails = gaffke_tail(values, [-1.0, -0.5], counts=[3, 2])

    assert tails[0] == pytest.approx(float(gaffke_tail(np.repeat(values[0], [3, 2]), -1.0)))
    assert tails[1] == pytest.approx(float(gaffke_tail(np.repeat(values[1], [3, 2]), -0.5)))


def test_is_certain_without_values_of_both_signs():
    """A sum without negative values is never below 0."""
    assert gaffke_tail([-0.1, 0.0], 0.0) == 1.0
    assert gaffke_tail([0.1, 0.2], 0.0) == 0.0


def test_is_smooth_where_the_mean_is_zero():
    """The limit of the formula joins both sides."""
    tails = gaffke_tail(np.array([[1 + shift, 1.0] for shift in (-1e-4, 0.0, 1e-4)]), -2.0)

    assert np.ptp(tails) < 1e-4
    assert tails[1] == pytest.approx(4 / 9, rel=0.02)
