"""Rank correlation of two figures of the same models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from evalharness.stats import kendall_tau, spearman


def test_equal_orders_agree_fully_and_opposite_ones_not_at_all():
    """The scales of the figures do not matter."""
    assert spearman([1, 2, 3, 4, 5], [10, 100, 1000, 1001, 2000]).value == 1.0
    assert spearman([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]).value == -1.0


def test_the_value_is_scipys_with_ties():
    """Two implementations check each other."""
    draw = np.random.default_rng(0)
    for count in (5, 8, 30):
        first, second = draw.integers(0, 6, count), draw.normal(size=count)
        assert spearman(first, second).value == pytest.approx(spearmanr(first, second).statistic)


def test_kendalls_tau_is_scipys_with_ties():
    """Two implementations check each other; a constant figure has no ranks."""
    draw = np.random.default_rng(0)
    for count in (2, 5, 8, 30):
        first, second = draw.integers(0, 6, count), draw.integers(0, 6, count)
        expected = kendalltau(first, second).statistic
        found = kendall_tau(first, second)
        assert (found is None) == math.isnan(expected)
        assert found is None or found == pytest.approx(expected)

    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1.0
    assert kendall_tau([1, 1, 1], [1, 2, 3]) is None


def test_the_interval_is_that_of_bonett_and_wright():
    """Worked by hand: n = 12, r = 0.5, so z = 0.5493 with variance (1 + 0.125) / 9."""
    first = np.arange(12)
    second = first.copy()
    # Swapping ranks that lie d apart costs 12 d^2 / (n^3 - n): 143 is half of (n^3 - n) / 6.
    second[[0, 8]] = second[[8, 0]]
    second[[2, 4]] = second[[4, 2]]
    second[[9, 10]] = second[[10, 9]]
    found = spearman(first, second)
    half = 1.959964 * math.sqrt((1 + found.value**2 / 2) / 9)

    assert found.value == pytest.approx(1 - 6 * (2 * 64 + 2 * 4 + 2) / (12**3 - 12))
    assert found.low == pytest.approx(math.tanh(math.atanh(found.value) - half), abs=1e-6)
    assert found.high == pytest.approx(math.tanh(math.atanh(found.value) + half), abs=1e-6)


@pytest.mark.parametrize("count", [6, 12, 30])
def test_the_interval_covers_as_often_as_stated(count):
    """On pairs of normal figures, whose rank correlation is known: 6 asin(r / 2) / pi."""
    draw = np.random.default_rng(count)
    truth = 6 / math.pi * math.asin(0.8 / 2)
    hits = 0
    for _ in range(600):
        first = draw.normal(size=count)
        found = spearman(first, 0.8 * first + 0.6 * draw.normal(size=count))
        hits += found.low <= truth <= found.high

    assert 0.92 <= hits / 600 <= 0.995


def test_full_agreement_of_few_models_is_not_certain():
    """Five models in the same order might be luck."""
    found = spearman([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])

    assert 0 < found.low < 0.5
    assert found.high == 1.0
    mirrored = spearman([1, 2, 3, 4, 5], [5, 4, 3, 2, 1])
    assert (mirrored.low, mirrored.high) == (-1.0, pytest.approx(-found.low))


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [([1, 2, 3, 4], [1, 2, 4, 3], 0.8), ([1, 1], [1, 2], None), ([], [], None), ([1], [2], None)],
)
def test_too_few_models_have_no_interval(first, second, value):
    """It would be from -1 to 1."""
    found = spearman(first, second)

    assert (found.value, found.low, found.high) == (
        value if value is None else pytest.approx(value),
        None,
        None,
    )
    assert found.pairs == len(first)


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1]), ([1, math.nan], [1, 2])])
def test_figures_that_do_not_match_are_refused(first, second):
    """The caller leaves a missing figure out; it is never ranked."""
    with pytest.raises(ValueError, match="as many finite numbers"):
        spearman(first, second)
