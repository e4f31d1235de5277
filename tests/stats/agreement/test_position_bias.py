"""A judge's position bias, and the effects of position and length."""

from __future__ import annotations

import math

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, simulated
from hypothesis import given
from hypothesis import strategies as st

from evalharness.errors import BattlesError
from evalharness.stats import (
    build_comparisons,
    davidson,
    fit_position_and_length_effects,
    measure_position_bias,
)

outcomes = st.lists(st.tuples(*[st.sampled_from([WON, TIE, LOST])] * 2), min_size=1, max_size=30)


def test_position_bias_agrees_with_the_case(case, close):
    """Wilson's intervals by statsmodels, the exact test by scipy."""
    expected = case("position_bias")
    flips = expected["biased_first"], expected["biased_second"]
    kinds = expected["consistent"], *flips, expected["tie_mixed"]
    found = measure_position_bias(
        np.repeat([WON, WON, LOST, TIE], kinds), np.repeat([LOST, WON, LOST, LOST], kinds)
    )

    assert (found.pairs, found.consistent) == (expected["both_order_pairs"], kinds[0])
    assert (found.first_both, found.second_both, found.tie_mixed) == kinds[1:]
    consistency, share = found.consistency, found.first_of_flips
    close([consistency.low, consistency.high], expected["consistency_wilson95"])
    close(share.value, expected["first_share_among_flips"])
    close([share.low, share.high], expected["first_share_wilson95"])
    close(found.p_value, expected["binom_p_two_sided"])
    close(found.effect.value, expected["first_minus_second_diff"])
    close(found.effect.standard_error, expected["diff_se"])
    close([found.effect.low, found.effect.high], expected["diff_ci95"])


def test_position_and_length_agree_with_the_case(case, case_battles, close):
    """A logistic regression by statsmodels; its errors are without the factor G/(G-1)."""
    expected = case("bias_regression")
    lead = case("battles")["len"]
    ratings = fit_position_and_length_effects(case_battles(by_question=True), lead)
    without = math.sqrt(39 / 40)

    close(ratings.strengths, expected["ratings"])
    for name in ("delta", "phi"):
        effect = ratings.parameter(name)
        close(effect.value, expected[name])
        close(effect.standard_error * without, expected[f"{name}_se"])


def test_a_judge_that_always_prefers_the_first_is_never_consistent():
    """All flips go to one position, and the test is significant."""
    found = measure_position_bias([WON] * 12, [WON] * 12)

    assert (found.consistency.value, found.first_of_flips.value) == (0, 1)
    assert found.effect.value == 1
    assert found.p_value == pytest.approx(2 / 2**12)


def test_equal_ties_are_consistent_and_mixed_ones_are_not_flips():
    """A tie and a win are no preference for a position."""
    found = measure_position_bias([TIE, TIE, WON], [TIE, WON, TIE])

    assert (found.consistent, found.tie_mixed) == (1, 2)
    assert math.isnan(found.first_of_flips.value)
    assert found.p_value == 1


def test_pairs_of_one_question_are_not_independent():
    """Every pair repeated on its question leaves the clustered error as it is."""
    first, swapped = np.array([[WON, WON, LOST, TIE] * 5, [WON, LOST, LOST, TIE] * 5])
    once = measure_position_bias(first, swapped, question=range(20))
    twice = measure_position_bias(
        np.tile(first, 2), np.tile(swapped, 2), question=np.tile(np.arange(20), 2)
    )

    assert (twice.clusters, twice.clustered_by) == (20, "question")
    assert twice.effect.standard_error == pytest.approx(once.effect.standard_error)
    assert twice.consistency.low == pytest.approx(once.consistency.low)


@given(outcomes)
def test_every_pair_is_of_one_kind(entries):
    """Consistent, flipped one way or the other, or a mixed tie."""
    found = measure_position_bias(*zip(*entries, strict=True))

    kinds = (found.consistent, found.first_both, found.second_both, found.tie_mixed)
    assert sum(kinds) == found.pairs == len(entries)
    assert 0 <= found.consistency.low <= found.consistency.value <= found.consistency.high <= 1
    assert found.effect.value == pytest.approx((found.first_both - found.second_both) / found.pairs)


@given(outcomes)
def test_which_order_came_first_does_not_matter(entries):
    """The two games of a pair are interchangeable."""
    found = measure_position_bias(*zip(*entries, strict=True))
    turned = measure_position_bias(*list(zip(*entries, strict=True))[::-1])

    assert turned.effect == found.effect
    assert turned.consistency == found.consistency


def test_length_and_position_are_separated_from_strength():
    """Equal models before a judge that likes the longer and the first answer."""
    rng = np.random.default_rng(2)
    battles = simulated(models=3, questions=200)
    lead = rng.normal(0, 300, len(battles.first))
    chance = 1 / (1 + np.exp(-0.5 - 1.5 * np.tanh(lead / 300)))
    judged = build_comparisons(
        battles.models,
        battles.first,
        battles.second,
        2 * (rng.random(len(lead)) < chance),
        question=battles.cluster,
    )
    ratings = fit_position_and_length_effects(judged, lead)

    assert ratings.parameter("delta").low < 0.5 < ratings.parameter("delta").high
    assert ratings.parameter("phi").low < 1.5 < ratings.parameter("phi").high
    assert (
        ratings.contrast("model-0", "model-2").low < 0 < ratings.contrast("model-0", "model-2").high
    )


def test_the_unit_of_length_does_not_matter():
    """Characters or kilobytes."""
    battles = simulated()
    lead = np.random.default_rng(0).normal(size=len(battles.first))

    assert fit_position_and_length_effects(battles, lead * 1000).parameters == pytest.approx(
        fit_position_and_length_effects(battles, lead).parameters
    )


def test_position_has_the_sign_of_davidsons_model():
    """Two models of the position effect agree on its direction."""
    battles = simulated(questions=60, seed=4)
    lead = np.random.default_rng(0).normal(size=len(battles.first))
    favored = build_comparisons(
        battles.models,
        battles.first,
        battles.second,
        np.minimum(battles.outcome + (np.arange(len(lead)) % 3 == 0), WON),
        question=battles.cluster,
    )

    assert fit_position_and_length_effects(favored, lead).parameter("delta").low > 0
    assert davidson(favored, position=True).parameter("log_gamma").low > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measure_position_bias([], []), "pairs"),
        (lambda: measure_position_bias([WON], [WON, LOST]), "pairs"),
        (lambda: measure_position_bias([3], [0]), "outcomes are"),
        (lambda: measure_position_bias([WON], [LOST], level=95), "level"),
        (lambda: fit_position_and_length_effects(simulated(), [1.0]), "differences in length"),
        (lambda: fit_position_and_length_effects(simulated(), np.ones(360)), "not all the same"),
    ],
)
def test_invalid_arguments_are_refused(call, message):
    """No pairs, or a single order, give no figure."""
    with pytest.raises(ValueError, match=message):
        call()


def test_errors_are_those_of_the_project():
    """One except clause catches them all."""
    with pytest.raises(BattlesError):
        measure_position_bias([], [])
