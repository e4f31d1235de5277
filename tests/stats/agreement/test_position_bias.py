"""A judge's biases: position, length, its own family."""

from __future__ import annotations

import math

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, simulated
from hypothesis import given
from hypothesis import strategies as st

from evalharness.errors import BattlesError
from evalharness.stats import (
    average_other_judges,
    build_comparisons,
    davidson,
    fit_position_and_length_effects,
    measure_position_bias,
    measure_self_preference,
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


def test_self_preference_agrees_with_the_case(case, close):
    """A clustered regression by statsmodels, without the factor G/(G-1)."""
    expected = case("self_preference")
    found = measure_self_preference(
        expected["judge"], expected["human"], expected["own"], expected["q"], level=0.95
    )

    close(found.value, expected["estimate"])
    close(found.standard_error * math.sqrt(59 / 60), expected["se"])
    assert (found.own_count + found.other_count, found.clusters) == (300, 60)
    assert (found.reference, found.level) == ("humans", 0.95)


def test_a_judge_that_always_prefers_the_first_is_never_consistent():
    """The flips all go one way, and the test says so."""
    found = measure_position_bias([WON] * 12, [WON] * 12)

    assert (found.consistency.value, found.first_of_flips.value) == (0, 1)
    assert found.effect.value == 1
    assert found.p_value == pytest.approx(2 / 2**12)


def test_equal_ties_are_consistent_and_mixed_ones_are_not_flips():
    """A tie beside a win is no preference for a position."""
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


def test_length_and_position_are_told_from_strength():
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


def test_better_models_of_its_own_family_are_no_bias():
    """What the reference grants them too cancels."""
    rng = np.random.default_rng(1)
    own = np.arange(400) % 2 == 0
    human = (rng.random(400) < np.where(own, 0.8, 0.4)).astype(float)
    fair = measure_self_preference(human, human, own, np.arange(400) // 4)
    partial = measure_self_preference(
        np.where(own, 1.0, human), human, own, np.arange(400) // 4, reference_is="panel"
    )

    assert fair.value == 0
    assert partial.low > 0
    assert partial.value == pytest.approx(1 - human[own].mean())
    assert partial.reference == "panel"


def test_the_rest_of_the_panel_leaves_the_judge_out():
    """Each judge beside the mean of the others, who may not all have judged."""
    points = np.array([[1.0, 0.0, 0.5], [1.0, math.nan, math.nan]])

    np.testing.assert_allclose(
        average_other_judges(points), [[0.25, 0.75, 0.5], [math.nan, 1.0, 1.0]]
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: measure_position_bias([], []), "pairs"),
        (lambda: measure_position_bias([WON], [WON, LOST]), "pairs"),
        (lambda: measure_position_bias([3], [0]), "outcomes are"),
        (lambda: measure_position_bias([WON], [LOST], level=95), "level"),
        (lambda: fit_position_and_length_effects(simulated(), [1.0]), "differences in length"),
        (lambda: fit_position_and_length_effects(simulated(), np.ones(360)), "not all the same"),
        (lambda: measure_self_preference([1, 0], [1, 0], [True, True], [0, 1]), "others"),
        (lambda: measure_self_preference([1, math.nan], [1, 0], [True, False], [0, 1]), "finite"),
    ],
)
def test_nonsense_is_refused(call, said):
    """Neither nothing, nor one order only, nor a single family gives a figure."""
    with pytest.raises(ValueError, match=said):
        call()


def test_errors_are_those_of_the_project():
    """One except clause catches them all."""
    with pytest.raises(BattlesError):
        measure_position_bias([], [])
