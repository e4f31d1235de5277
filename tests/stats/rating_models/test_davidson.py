"""Davidson and Rao-Kupper ratings: worked examples, invariants, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles, connected_battles, simulated
from hypothesis import given, settings
from numpy.testing import assert_allclose
from scipy.special import expit, logit

from evalharness.errors import SeparationError
from evalharness.stats import build_comparisons, davidson, rao_kupper

QUESTIONS, BATTLES = 40, 643
METHODS = [davidson, rao_kupper]


def duel(won, tied, lost, *, both_orders=False):
    """Return battles of two models; in both orders, the first one does as well in either."""
    entries = [WON] * won + [TIE] * tied + [LOST] * lost
    orders = [("a", "b"), ("b", "a")] if both_orders else [("a", "b")]
    return battles(*[(*order, outcome) for order in orders for outcome in entries])


def check_case(fit, expected, case_battles, close):
    """Compare ratings, likelihood and three kinds of standard errors with a case."""
    by_question = fit(case_battles(by_question=True))
    by_battle = fit(case_battles(by_question=False))

    def errors(covariance):
        return np.sqrt(np.diag(covariance))[: len(by_question.models)]

    close(by_question.strengths, expected["ratings"])
    close(by_question.log_likelihood, expected["loglik"])
    close(errors(by_question.inverse_information), expected["se_ratings"])
    close(
        errors(by_question.covariance * (QUESTIONS - 1) / QUESTIONS),
        expected["se_ratings_cluster_question_nocorr"],
    )
    close(errors(by_battle.covariance * (BATTLES - 1) / BATTLES), expected["se_ratings_hc0"])
    return by_question


def test_davidson_agrees_with_an_equivalent_loglinear_model(case, case_battles, close):
    """The case was fitted as a Poisson regression by statsmodels."""
    expected = case("davidson")
    ratings = check_case(davidson, expected, case_battles, close)

    close(ratings.parameters["log_nu"], expected["log_nu"])
    variance = ratings.inverse_information[-1, -1]
    close(math.sqrt(variance), expected["se_log_nu"])


def test_davidson_with_position_agrees_with_an_equivalent_loglinear_model(
    case, case_battles, close
):
    """The first position multiplies the strength (Davidson & Beaver 1977)."""
    expected = case("davidson")["with_order"]
    ratings = davidson(case_battles(by_question=True), position=True)
    errors = np.sqrt(np.diag(ratings.inverse_information))

    close(ratings.strengths, expected["ratings"])
    close(ratings.parameters["log_nu"], expected["log_nu"])
    close(ratings.parameters["log_gamma"], expected["log_gamma"])
    close(errors[:5], expected["se_ratings"])
    close(errors[5:], [expected["se_log_nu"], expected["se_log_gamma"]])


def test_rao_kupper_agrees_with_an_equivalent_ordinal_model(case, case_battles, close):
    """The case was fitted as a cumulative logit by statsmodels."""
    expected = case("rao_kupper")
    ratings = check_case(rao_kupper, expected, case_battles, close)

    close(ratings.parameters["eta"], expected["eta"])
    close(math.exp(ratings.parameters["eta"]), expected["theta"])


def test_rao_kupper_with_position_agrees_with_an_equivalent_ordinal_model(
    case, case_battles, close
):
    """A position effect makes the two thresholds unequal."""
    expected = case("rao_kupper")["with_order"]
    ratings = rao_kupper(case_battles(by_question=True), position=True)

    close(ratings.strengths, expected["ratings"])
    close(ratings.parameters["delta"], expected["delta"])
    close(ratings.parameters["eta"], expected["eta"])
    close(ratings.log_likelihood, expected["loglik"])


def test_davidson_fits_two_models_exactly():
    """Two parameters for two free shares: d = ln(w/l), nu = t / sqrt(w l)."""
    ratings = davidson(duel(won=16, tied=6, lost=4))

    assert ratings.strengths[0] - ratings.strengths[1] == pytest.approx(math.log(4))
    assert ratings.parameters["log_nu"] == pytest.approx(math.log(6 / 8))


def test_rao_kupper_fits_two_models_exactly():
    """Two parameters for two free shares: logit(w/n) = d - eta, logit(l/n) = -d - eta."""
    ratings = rao_kupper(duel(won=16, tied=6, lost=4))

    won, lost = logit(16 / 26), logit(4 / 26)
    assert ratings.strengths[0] - ratings.strengths[1] == pytest.approx((won - lost) / 2)
    assert ratings.parameters["eta"] == pytest.approx(-(won + lost) / 2)


def test_a_position_effect_is_separated_from_strength():
    """Whoever is first wins 12 of 20 and loses 3: the models are equal, the position is not."""
    favored = duel(won=12, tied=5, lost=3, both_orders=True)

    ratings = davidson(favored, position=True)
    assert_allclose(ratings.strengths, 0, atol=1e-8)
    assert ratings.parameters["log_gamma"] == pytest.approx(math.log(12 / 3))
    assert ratings.parameters["log_nu"] == pytest.approx(math.log(5 / 3))

    ratings = rao_kupper(favored, position=True)
    margin = ratings.parameters["delta"] - ratings.parameters["eta"]
    assert_allclose(ratings.strengths, 0, atol=1e-8)
    assert expit(margin) == pytest.approx(12 / 20)


def test_parameters_have_intervals():
    """Whether a judge favors a position is a question of the interval, not of the number."""
    effect = davidson(simulated(questions=40), position=True).parameter("log_gamma")

    assert effect.low < 0 < effect.high
    assert effect.low < effect.value < effect.high


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=25)
@given(comparisons=connected_battles(decided=True))
def test_swapping_sides_changes_nothing(method, comparisons):
    """Without a position effect, which model is called the first one does not matter."""
    swapped = build_comparisons(
        comparisons.models,
        comparisons.second,
        comparisons.first,
        2 - comparisons.outcome,
        question=comparisons.cluster,
    )

    before, after = method(comparisons), method(swapped)
    assert_allclose(after.strengths, before.strengths, atol=1e-7)
    assert_allclose(after.covariance, before.covariance, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=25)
@given(comparisons=connected_battles(decided=True))
def test_doubling_the_data_halves_the_variance(method, comparisons):
    """Twice the independent battles are twice the information, at the same ratings."""
    doubled = build_comparisons(
        comparisons.models,
        np.tile(comparisons.first, 2),
        np.tile(comparisons.second, 2),
        np.tile(comparisons.outcome, 2),
    )

    before, after = method(comparisons), method(doubled)
    assert_allclose(after.strengths, before.strengths, atol=1e-7)
    assert_allclose(after.inverse_information, before.inverse_information / 2, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_score_is_the_slope_of_the_likelihood(method):
    """At the maximum, no small move of any strength or parameter raises the likelihood."""
    comparisons = simulated(questions=10, seed=3)
    best = method(comparisons)

    from evalharness.stats.rating_models.davidson import _davidson_terms
    from evalharness.stats.rating_models.rao_kupper import _rao_kupper_terms

    terms = _davidson_terms if method is davidson else _rao_kupper_terms
    rows = np.arange(len(comparisons.first))

    def likelihood(strengths, parameter):
        gap = strengths[comparisons.first] - strengths[comparisons.second]
        found = terms(gap, np.array([parameter])).log_probability
        return found[rows, comparisons.outcome].sum()

    (parameter,) = best.parameters.values()
    assert likelihood(best.strengths, parameter) == pytest.approx(best.log_likelihood)
    for move in (*np.eye(4) * 1e-3, *np.eye(4) * -1e-3):
        assert likelihood(best.strengths + move, parameter) < best.log_likelihood
    for move in (1e-3, -1e-3):
        assert likelihood(best.strengths, parameter + move) < best.log_likelihood


@pytest.mark.parametrize("method", METHODS)
def test_battles_without_ties_or_with_nothing_else_are_refused(method):
    """The rate of ties has no estimate, and the message names a usable method."""
    with pytest.raises(SeparationError, match=r"no battle is a tie.*bradley_terry"):
        method(duel(won=5, tied=0, lost=3))
    with pytest.raises(SeparationError, match="every battle is a tie"):
        method(duel(won=0, tied=5, lost=0))


@pytest.mark.parametrize("method", METHODS)
def test_ties_do_not_bound_a_model_that_never_lost(method):
    """Strength and the chance of a tie can grow together without end, unless a prior holds them."""
    unbeaten = duel(won=5, tied=2, lost=0)

    with pytest.raises(SeparationError, match=r"no finite maximum-likelihood value.*penalty"):
        method(unbeaten)
    assert np.isfinite(method(unbeaten, penalty=0.25).ratings).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_only_won_needs_a_penalty(method):
    """Ties elsewhere do not bound its rating; a prior does."""
    separated = battles(("a", "b", WON), ("b", "c", TIE), ("b", "c", WON), ("b", "c", LOST))

    with pytest.raises(SeparationError, match="a won every battle"):
        method(separated)
    assert np.isfinite(method(separated, penalty=0.25).ratings).all()


def test_a_position_effect_without_bound_is_refused():
    """The first one always wins or ties, so its advantage has no finite estimate."""
    with pytest.raises(SeparationError, match="position effect"):
        davidson(duel(won=9, tied=3, lost=0, both_orders=True), position=True)
