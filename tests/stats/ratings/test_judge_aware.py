"""Ratings by a panel of judges of unequal power to discriminate."""

from __future__ import annotations

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles, simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit

from evalharness.errors import BattlesError, ConvergenceError, DisconnectedError, SeparationError
from evalharness.stats import (
    ELO_PER_NAT,
    JudgeDiscrimination,
    bradley_terry,
    build_comparisons,
    judge_aware,
)

STRENGTHS = np.array([0.9, 0.3, -0.3, -0.9])


def judged(gammas, questions, rng):
    """Return both-order battles of all pairs before each judge, with their judges."""
    pairs = np.array([(a, b) for a in range(4) for b in range(4) if a != b])
    rounds = questions * len(gammas)
    first, second = np.tile(pairs, (rounds, 1)).T
    judge = np.repeat(np.tile(np.arange(len(gammas)), questions), len(pairs))
    chance = expit(np.asarray(gammas)[judge] * (STRENGTHS[first] - STRENGTHS[second]))
    comparisons = build_comparisons(
        ["a", "b", "c", "d"],
        first,
        second,
        2 * (rng.random(len(first)) < chance),
        question=np.repeat(np.arange(questions), len(gammas) * len(pairs)),
    )
    return comparisons, judge


def repeated(comparisons, times):
    """Return the same battles before several judges of one mind, with their judges."""
    same = build_comparisons(
        comparisons.models,
        np.tile(comparisons.first, times),
        np.tile(comparisons.second, times),
        np.tile(comparisons.outcome, times),
        question=np.tile(comparisons.cluster, times),
    )
    return same, np.repeat(np.arange(times), len(comparisons.first))


def test_strengths_and_gammas_are_recovered():
    """Four times as much discrimination between the best judge and the worst."""
    comparisons, judge = judged([2.0, 1.0, 0.5], 200, np.random.default_rng(0))
    found = judge_aware(comparisons, ["x", "y", "z"], judge)

    assert_allclose(found.ratings.strengths, STRENGTHS, atol=0.1)
    assert list(found.ratings.parameters.values()) == pytest.approx([2.0, 1.0, 0.5], rel=0.1)
    assert np.mean(np.log(list(found.ratings.parameters.values()))) == pytest.approx(0)
    assert set(found.discrimination.values()) == {JudgeDiscrimination.DISCRIMINATES}
    assert found.ratings.clusters == 200


def test_identical_judges_give_plain_bradley_terry():
    """Every gamma is 1, and strengths, likelihood and covariance are the same."""
    same, judge = repeated(simulated(), 3)
    found, plain = judge_aware(same, ["x", "y", "z"], judge).ratings, bradley_terry(same)

    assert list(found.parameters.values()) == pytest.approx([1, 1, 1])
    assert_allclose(found.strengths, plain.strengths, atol=1e-7)
    assert_allclose(found.covariance[:4, :4], plain.covariance, atol=1e-7)
    assert_allclose(found.inverse_information[:4, :4], plain.inverse_information, atol=1e-7)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood)


def test_one_judge_gives_plain_bradley_terry_too():
    """Its gamma is the scale itself, and is not uncertain."""
    comparisons = simulated()
    found = judge_aware(comparisons, ["x"], np.zeros(len(comparisons.first))).ratings

    assert_allclose(found.ratings, bradley_terry(comparisons).ratings, atol=1e-6)
    assert found.parameter("x").standard_error == pytest.approx(0, abs=1e-9)


def test_a_random_judge_is_flagged_and_does_no_harm():
    """Among the other two, ratings are as good as without it."""
    comparisons, judge = judged([1.5, 1 / 1.5, 0.0], 100, np.random.default_rng(1))
    found = judge_aware(comparisons, ["x", "y", "coin"], judge)
    without = judge_aware(comparisons.select(judge < 2), ["x", "y"], judge[judge < 2])

    assert found.discrimination["coin"] is JudgeDiscrimination.UNINFORMATIVE
    assert_allclose(found.ratings.strengths, without.ratings.strengths, atol=0.05)
    # plain Bradley-Terry is drawn to equality by it
    assert np.ptp(bradley_terry(comparisons).strengths) < 0.8 * np.ptp(found.ratings.strengths)


def test_a_judge_who_prefers_worse_models_is_flagged():
    """Its votes count in reverse."""
    comparisons, judge = judged([1.5, 1 / 1.5, -0.8], 100, np.random.default_rng(2))
    found = judge_aware(comparisons, ["x", "y", "contrary"], judge)

    assert found.discrimination["contrary"] is JudgeDiscrimination.PREFERS_THE_WORSE
    assert found.discrimination["x"] is JudgeDiscrimination.DISCRIMINATES
    assert found.ratings.parameters["contrary"] == pytest.approx(-0.8, abs=0.15)
    assert_allclose(found.ratings.strengths, STRENGTHS, atol=0.15)


def test_intervals_cover_what_the_battles_were_drawn_from():
    """The goal is .935 to .965, with the slack of 200 runs (four standard errors)."""
    rng = np.random.default_rng(5)
    gammas, hits = np.array([2.0, 1.0, 0.5]), []
    for _ in range(200):
        comparisons, judge = judged(gammas, 30, rng)
        found = judge_aware(comparisons, ["x", "y", "z"], judge).ratings
        best, worst = found.contrast("a", "b"), found.contrast("a", "d")
        hits += [
            best.low < 0.6 * ELO_PER_NAT < best.high,
            worst.low < 1.8 * ELO_PER_NAT < worst.high,
            *(
                found.parameter(name).low < gamma < found.parameter(name).high
                for name, gamma in zip("xyz", gammas, strict=True)
            ),
        ]

    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_order_of_judges_and_sides_does_not_matter(seed):
    """Names and places carry no information."""
    comparisons, judge = judged([1.4, 0.7], 8, np.random.default_rng(seed))
    swapped = build_comparisons(
        comparisons.models,
        comparisons.second,
        comparisons.first,
        2 - comparisons.outcome,
        question=comparisons.cluster,
    )
    found = judge_aware(comparisons, ["x", "y"], judge).ratings
    turned = judge_aware(swapped, ["y", "x"], 1 - judge).ratings

    assert_allclose(turned.strengths, found.strengths, atol=1e-6)
    assert turned.parameters == pytest.approx(found.parameters, abs=1e-6)
    assert_allclose(turned.standard_errors, found.standard_errors, atol=1e-4)


def test_one_question_leaves_every_judge_unknown():
    """Without intervals, every judge counts as uninformative."""
    comparisons, judge = judged([1.5, 1.0], 20, np.random.default_rng(0))
    alone = build_comparisons(
        comparisons.models,
        comparisons.first,
        comparisons.second,
        comparisons.outcome,
        question=np.zeros(len(judge)),
    )
    found = judge_aware(alone, ["x", "y"], judge)

    assert set(found.discrimination.values()) == {JudgeDiscrimination.UNINFORMATIVE}
    assert np.isfinite(found.ratings.ratings).all()
    assert np.isnan(found.ratings.low).all()


def test_a_judge_without_exception_has_no_finite_gamma():
    """Its verdicts would be ever more likely with a larger gamma."""
    noisy = [("a", "b", WON, 0), ("a", "b", LOST, 0), ("a", "b", WON, 1)] * 3
    certain = [("a", "b", WON, q) for q in range(9)]

    with pytest.raises(SeparationError, match="never made an exception"):
        judge_aware(battles(*noisy, *certain), ["x", "y"], [0] * 9 + [1] * 9)


def test_too_few_steps_are_an_error():
    """A fit that stopped early is none."""
    comparisons, judge = judged([2.0, 0.5], 10, np.random.default_rng(0))
    with pytest.raises(ConvergenceError, match="1 scoring steps"):
        judge_aware(comparisons, ["x", "y"], judge, max_iterations=1)


def test_mostly_contrary_judges_are_taken_at_their_word():
    """What better means is what more battles' judges prefer: the panel cannot be all wrong."""
    comparisons, judge = judged([-1.0, -1.0, 1.0], 60, np.random.default_rng(4))
    found = judge_aware(comparisons, ["x", "y", "alone"], judge)

    assert found.discrimination["alone"] is JudgeDiscrimination.PREFERS_THE_WORSE
    assert found.ratings.rating("d").value > found.ratings.rating("a").value


def test_judges_without_any_preference_are_refused():
    """Ties alone distinguish neither models nor judges."""
    with pytest.raises(SeparationError, match="prefers any model"):
        judge_aware(battles(*[("a", "b", TIE, q) for q in range(4)]), ["x"], [0] * 4)


def test_groups_that_never_met_are_refused():
    """This holds for any judges."""
    apart = battles(("a", "b", WON), ("a", "b", LOST), ("c", "d", TIE))
    with pytest.raises(DisconnectedError):
        judge_aware(apart, ["x"], [0] * 3)


@pytest.mark.parametrize(
    ("judges", "judge", "message"),
    [
        (["x"], [0], "as many judges"),
        (["x", "x"], [0, 1], "same name"),
        (["x"], [0, 1], "outside 0..0"),
        (["x", "y"], [0, 0], "y judged no battle"),
    ],
)
def test_judges_that_do_not_fit_are_refused(judges, judge, message):
    """The message names what is wrong."""
    with pytest.raises(BattlesError, match=message):
        judge_aware(battles(("a", "b", WON), ("a", "b", LOST)), judges, judge)
