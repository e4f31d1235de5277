"""Ratings are adjusted for covariates, such as style."""

from __future__ import annotations

import math

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles, connected_battles, simulated
from hypothesis import given, settings
from numpy.testing import assert_allclose
from scipy.special import expit

from evalharness.errors import BattlesError, ConvergenceError, DisconnectedError, SeparationError
from evalharness.stats import (
    bradley_terry,
    bradley_terry_with_covariates,
    build_comparisons,
    style_controlled_ratings,
    style_feature_difference,
)


@pytest.fixture
def features(case):
    """Return the case's two style features by name."""
    columns = np.array(case("style_control")["features"]).T
    return {"length": columns[0], "lists": columns[1]}


def test_it_agrees_with_an_independent_regression(case, case_battles, close, features):
    """Ratings, effects and their clustered errors, by statsmodels without G/(G-1)."""
    expected = case("style_control")["unpenalized"]
    ratings = style_controlled_ratings(case_battles(by_question=True), features)
    errors = [ratings.parameter(name).standard_error for name in features]

    close(ratings.strengths, expected["ratings"])
    close(list(ratings.parameters.values()), expected["coef"])
    close(np.array(errors) * math.sqrt(39 / 40), expected["se_coef_cluster"])


def test_a_ridge_gives_the_figures_of_the_arena(case, case_battles, close, features):
    """FastChat penalizes ratings (in powers of ten) and effects by a quarter of their squares.

    To 1e-5: its own optimizer stops that near to the maximum.
    """
    expected = case("style_control")["fastchat"]
    ratings = style_controlled_ratings(
        case_battles(by_question=True),
        features,
        penalty=0.5 / math.log(10) ** 2,
        covariate_penalty=0.5,
    )

    close(ratings.strengths / math.log(10), expected["ratings_log10"], 1e-5)
    close(list(ratings.parameters.values()), expected["coef"], 1e-5)


def test_a_covariate_that_says_nothing_leaves_the_ratings_alone():
    """Balanced over the battles, it has no effect, and ratings are those of Bradley-Terry."""
    once = simulated()
    twice = build_comparisons(
        once.models,
        np.tile(once.first, 2),
        np.tile(once.second, 2),
        np.tile(once.outcome, 2),
        question=np.tile(once.cluster, 2),
    )
    ratings = style_controlled_ratings(twice, {"bold": np.repeat([0.0, 1.0], len(once.first))})

    assert ratings.parameters["bold"] == pytest.approx(0, abs=1e-9)
    plain = bradley_terry(twice)
    assert_allclose(ratings.strengths, plain.strengths, atol=1e-8)
    assert_allclose(ratings.covariance[:4, :4], plain.covariance, atol=1e-8)
    assert ratings.log_likelihood == pytest.approx(plain.log_likelihood)


def test_what_style_explains_is_no_strength():
    """One of two equal models writes longer, before a judge that likes length."""
    rng = np.random.default_rng(0)
    size = 2000
    first = rng.integers(0, 2, size)
    lead = (2 * first - 1) * 1.0 + rng.normal(size=size)
    outcome = 2 * (rng.random(size) < expit(lead))
    judged = build_comparisons(["brief", "long"], first, 1 - first, outcome)

    assert bradley_terry(judged).contrast("long", "brief").low > 0
    controlled = style_controlled_ratings(judged, {"length": lead}).contrast("long", "brief")
    assert controlled.low < 0 < controlled.high


def test_one_question_leaves_no_interval():
    """One question shows no spread of effects: the interval is NaN, not of width zero."""
    entries = [("a", "b", WON, 0), ("a", "b", LOST, 0), ("a", "b", TIE, 0)]
    effect = bradley_terry_with_covariates(battles(*entries), {"x": [0, 1, 5]}).parameter("x")

    assert np.isfinite(effect.value)
    assert math.isnan(effect.high)


def test_fewer_questions_than_coefficients_do_not_shrink_intervals_to_nothing():
    """Two questions that agree in everything show no spread, yet effects are not exact."""
    pairs = [("a", "b"), ("b", "c"), ("c", "a")]
    entries = [(*pair, outcome) for pair in pairs for outcome in (WON, TIE, LOST)]
    alike = battles(*[(*entry, q) for q in (0, 1) for entry in entries])
    ratings = bradley_terry_with_covariates(alike, {"x": [1, 2, 0, 5, 1, 3, 4, 0, 2] * 2})

    assert np.all(ratings.standard_errors > 50)
    assert ratings.parameter("x").standard_error > 0.1


def test_style_is_relative_and_defined_for_nothing_at_all():
    """Three lists against one: (4 - 2) / 6; none against none is no difference."""
    assert_allclose(style_feature_difference([3, 0, 0], [1, 0, 9]), [1 / 3, 0, -9 / 11])


@settings(max_examples=25)
@given(connected_battles())
def test_swapping_sides_changes_nothing(comparisons):
    """A battle seen from the other side has the opposite covariate."""
    lead = np.sin(np.arange(len(comparisons.first)) + 1.0)
    swapped = build_comparisons(
        comparisons.models,
        comparisons.second,
        comparisons.first,
        2 - comparisons.outcome,
        question=comparisons.cluster,
    )
    before, after = (
        bradley_terry_with_covariates(each, {"lead": x}, penalty=0.1, covariate_penalty=0.1)
        for each, x in ((comparisons, lead), (swapped, -lead))
    )

    assert_allclose(after.strengths, before.strengths, atol=1e-8)
    assert after.parameters == pytest.approx(before.parameters, abs=1e-8)


@settings(max_examples=25)
@given(connected_battles())
def test_expected_points_equal_points_won(comparisons):
    """The likelihood equations, for the models and for the covariate."""
    lead = np.cos(np.arange(len(comparisons.first)) * 2.0)
    try:
        ratings = bradley_terry_with_covariates(comparisons, {"lead": lead})
    except (SeparationError, BattlesError):
        return
    gap = ratings.strengths[comparisons.first] - ratings.strengths[comparisons.second]
    surplus = comparisons.points - expit(gap + ratings.parameters["lead"] * lead)
    won = np.bincount(comparisons.first, surplus, minlength=len(comparisons.models))
    lost = np.bincount(comparisons.second, surplus, minlength=len(comparisons.models))

    assert_allclose(won - lost, 0, atol=1e-6)
    assert surplus @ lead == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        ({}, "none"),
        ({"x": [1.0]}, "x needs 4"),
        ({"x": [1.0, math.nan, 0.0, 2.0]}, "x needs 4 finite"),
        ({"x": [1, 2, 3, 4], "y": [2, 4, 6, 8]}, "x, y must vary"),
        ({"x": [1, 1, 1, 1]}, "x must vary"),
    ],
)
def test_collinear_covariates_are_refused(covariates, message):
    """The last is constant where the first model always is the same one: it is its strength."""
    duel = battles(*[("a", "b", outcome) for outcome in (WON, LOST, TIE, WON)])

    with pytest.raises(BattlesError, match=message):
        bradley_terry_with_covariates(duel, covariates)


def test_a_covariate_that_decides_alone_has_no_finite_effect():
    """A penalty keeps it finite."""
    rng = np.random.default_rng(0)
    lead = rng.normal(size=60)
    first = rng.integers(0, 2, 60)
    decided = build_comparisons(["a", "b"], first, 1 - first, 2 * (lead > 0))

    with pytest.raises(SeparationError, match="covariate alone"):
        bradley_terry_with_covariates(decided, {"lead": lead})
    assert (
        bradley_terry_with_covariates(decided, {"lead": lead}, covariate_penalty=0.5).parameters[
            "lead"
        ]
        > 1
    )


def test_too_few_iterations_are_an_error():
    """A fit that stopped early is none."""
    battles_of_all = simulated()
    lead = np.sin(np.arange(len(battles_of_all.first)))

    with pytest.raises(ConvergenceError, match="2 Newton steps"):
        bradley_terry_with_covariates(battles_of_all, {"lead": lead}, max_iterations=2)


def test_battles_that_cannot_be_rated_are_refused_as_without_covariates():
    """Unconnected groups, and models that won every battle."""
    apart = battles(("a", "b", TIE), ("c", "d", TIE))
    with pytest.raises(DisconnectedError):
        bradley_terry_with_covariates(apart, {"x": [1, 2]})
    with pytest.raises(SeparationError, match="a won every battle"):
        bradley_terry_with_covariates(battles(*[("a", "b", WON)] * 2), {"x": [1, 2]})


def test_style_without_variety_or_below_nothing_is_refused():
    """A constant difference cannot be controlled for."""
    with pytest.raises(BattlesError, match="lists is the same"):
        style_controlled_ratings(simulated(), {"lists": np.ones(360)})
    with pytest.raises(BattlesError, match="from 0 up"):
        style_feature_difference([-1], [2])
