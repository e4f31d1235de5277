"""Drift tests have exact levels without a change, and detect changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from evalharness.stats import (
    adjust_holm,
    minimum_detectable_share,
    minimum_detectable_shift,
    odd_one_out_test,
    permutation_shift_test,
)

# Unaided distance vision of 7,477 women, right eye by left eye (Stuart 1955, Biometrika 42).
VISION = np.array(
    [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]
)


def one_hot(replies, categories):
    """Return a 1 for each category that a reply is."""
    return (np.asarray(replies)[..., None] == np.arange(categories)).astype(float)


def noisy(rng, prompts, *, noise, changed=0.0, categories=3):
    """Return replies of a judge that errs now and then, and has changed on some prompts."""
    usual = rng.integers(categories, size=prompts)
    replies = np.repeat(usual[:, None], 3, axis=1)
    replies[rng.random(prompts) < changed, 0] += 1
    errs = rng.random(replies.shape) < noise
    return np.where(errs, rng.integers(categories, size=replies.shape), replies % categories)


def test_two_replies_give_stuarts_test():
    """Stuart's own data: 11.96 with 3 degrees of freedom, p = 0.0075 (Agresti 2013, 11.3)."""
    pairs = [(row, col) for row in range(4) for col in range(4) for _ in range(VISION[row, col])]
    found = permutation_shift_test(one_hot(pairs, 4), np.random.default_rng(0), draws=2000)

    assert found.chi_square == pytest.approx(11.957, abs=5e-3)
    assert found.degrees == 3
    assert found.asymptotic == pytest.approx(0.00753, abs=5e-5)
    assert found.p_value == pytest.approx(found.asymptotic, abs=0.006)


def test_one_category_of_two_replies_is_mcnemars_test():
    """Its exact p value is that of the sign test on the pairs that differ."""
    pairs = [(1, 1)] * 30 + [(0, 0)] * 40 + [(1, 0)] * 14 + [(0, 1)] * 4
    found = permutation_shift_test(
        np.array(pairs, dtype=float)[..., None], np.random.default_rng(1)
    )

    assert found.chi_square == pytest.approx((14 - 4) ** 2 / 18)
    assert found.p_value == pytest.approx(binomtest(4, 18).pvalue, abs=0.004)
    assert found.value[0] == pytest.approx(-10 / 88)


def test_odd_replies_are_counted():
    """Of six prompts, two are equal, one differs throughout, three split, two with an odd earlier."""
    replies = np.array([[0, 0, 0], [2, 2, 2], [0, 1, 2], [0, 1, 1], [2, 0, 0], [1, 1, 0]])
    found = odd_one_out_test(replies)

    assert (found.splits, found.earlier) == (3, 2)
    assert found.p_value == pytest.approx(3 * (1 / 9) * (2 / 3) + 1 / 27)
    assert found.noise == pytest.approx(2 / 6)


def test_identical_replies_are_no_evidence_of_a_change():
    """Without a difference p is 1, not missing."""
    same = np.tile(np.array([[0, 1, 2, 1]]).T, (1, 3))

    assert odd_one_out_test(same).p_value == 1.0
    found = permutation_shift_test(one_hot(same, 3), np.random.default_rng(0), draws=100)
    assert (found.p_value, found.degrees, found.chi_square) == (1.0, 0, 0.0)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.4])
def test_false_alarms_are_as_rare_as_stated(noise):
    """2,000 checks of a judge that only varies: all tests together err at most at their level.

    Counts are whole, so the tests may err less; 0.0124 is 2.5 standard errors of 5% of 2,000.
    """
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(2000):
        replies = noisy(rng, 60, noise=noise)
        p_values = [
            odd_one_out_test(replies).p_value,
            permutation_shift_test(one_hot(replies, 3), rng, draws=199).p_value,
        ]
        alarms += min(adjust_holm(p_values)) <= 0.05

    assert alarms / 2000 <= 0.05 + 0.0124
    assert noise == 0.0 or alarms / 2000 > 0.01


def test_tests_of_a_mean_shift_have_the_stated_level():
    """A continuous score, whose test has no steps: 5% of 1,000 within three standard errors."""
    rng = np.random.default_rng(3)
    alarms = sum(
        permutation_shift_test(
            (rng.normal(size=(40, 1)) + rng.normal(size=(40, 3)))[..., None], rng, draws=199
        ).p_value
        <= 0.05
        for _ in range(1000)
    )

    assert abs(alarms / 1000 - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.parametrize(
    ("prompts", "noise", "categories", "most"),
    [(100, 0.0, 2, 0.86), (100, 0.1, 2, 0.86), (100, 0.4, 2, 0.86), (100, 0.1, 3, 1.0)],
)
def test_a_detectable_change_is_detected_as_often_as_stated(prompts, noise, categories, most):
    """In simulations, the detectable change is detected in 80% of checks.

    With three categories a noisy judge's replies are all different now and then, which is
    evidence for no reply, so a change is detected more often than stated.
    """
    alpha = 0.0125
    rng = np.random.default_rng(5)
    pairs = [noisy(rng, 400, noise=noise, categories=categories) for _ in range(50)]
    share = minimum_detectable_share(
        prompts, float(np.mean([odd_one_out_test(each).noise for each in pairs])), alpha
    )
    seen = sum(
        odd_one_out_test(
            noisy(rng, prompts, noise=noise, changed=share, categories=categories)
        ).p_value
        <= alpha
        for _ in range(1500)
    )

    assert 0.76 <= seen / 1500 <= most


def test_a_detectable_shift_is_detected_as_often_as_stated():
    """The same holds for the shift of a mean."""
    rng = np.random.default_rng(6)
    base = permutation_shift_test(rng.normal(size=(80, 3))[..., None], rng, draws=99)
    moved = minimum_detectable_shift(float(base.standard_error[0]), 0.05)
    seen = 0
    for _ in range(400):
        scores = rng.normal(size=(80, 3))
        scores[:, 1:] += moved
        seen += permutation_shift_test(scores[..., None], rng, draws=399).p_value <= 0.05

    assert 0.7 <= seen / 400 <= 0.9


@given(seed=st.integers(0, 10**6), prompts=st.integers(1, 30))
@settings(max_examples=40)
def test_the_order_of_prompts_and_of_later_replies_does_not_matter(seed, prompts):
    """Only the position of the earlier reply matters."""
    rng = np.random.default_rng(seed)
    replies = rng.integers(3, size=(prompts, 3))
    other = rng.permutation(replies)[:, [0, 2, 1]]

    assert odd_one_out_test(replies) == odd_one_out_test(other)
    one, two = (
        permutation_shift_test(one_hot(each, 3), rng, draws=10) for each in (replies, other)
    )
    assert one.chi_square == pytest.approx(two.chi_square)
    np.testing.assert_allclose(one.value, two.value, atol=1e-12)


def test_holm_is_as_in_the_paper():
    """Each p value is multiplied by the number of p values that are not smaller, and never decreases."""
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert not adjust_holm([]).size


def test_wrong_shapes_are_refused():
    """Two replies cannot have an odd one, and none cannot have a mean."""
    with pytest.raises(ValueError, match="three replies"):
        odd_one_out_test(np.zeros((4, 2), dtype=int))
    with pytest.raises(ValueError, match="at least two replies"):
        permutation_shift_test(np.zeros((4, 1, 1)), np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least two replies"):
        permutation_shift_test(np.zeros((0, 3, 1)), np.random.default_rng(0))


def test_too_few_prompts_detect_no_change():
    """Two changed replies of two may be chance."""
    assert np.isnan(minimum_detectable_share(2, 0.0, 0.01))
    assert (
        minimum_detectable_share(100, 0.0, 0.0125)
        < minimum_detectable_share(30, 0.0, 0.0125)
        < 0.25
    )
