"""Bradley-Terry ratings: worked examples, invariants, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles, connected_battles, simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit

from evalharness.errors import ConvergenceError, DisconnectedError, SeparationError
from evalharness.stats import ELO_PER_NAT, bradley_terry, build_comparisons


def duel(won, lost, tied=0):
    """Return battles of two models."""
    return battles(*[("a", "b", WON)] * won, *[("a", "b", LOST)] * lost, *[("a", "b", TIE)] * tied)


def test_it_agrees_with_independent_tools(case, case_battles, close):
    """Ratings, likelihood and every covariance of the case, computed by statsmodels and choix."""
    expected = case("bt_half_ties")
    by_question = bradley_terry(case_battles(by_question=True))
    by_battle = bradley_terry(case_battles(by_question=False))

    close(by_question.strengths, expected["ratings"])
    close(by_question.ratings - 1000, expected["elo400"])
    close(by_question.log_likelihood, expected["loglik"])
    close(by_question.inverse_information, expected["cov_fisher"])
    questions, rows, free = 40, 643, 4
    uncorrected = by_question.covariance * (questions - 1) / questions
    close(uncorrected, expected["cov_cluster_question_nocorr"])
    # the tool also multiplies by (N-1)/(N-(K-1)), which this project does not
    close(
        by_question.covariance * (rows - 1) / (rows - free),
        expected["cov_cluster_question_corr"],
    )
    close(by_battle.covariance * (rows - 1) / rows, expected["cov_hc0"])


def test_real_battles_give_the_published_ratings(data_file):
    """8,931 crowd battles of 59 models have golden scores by another implementation."""
    import pandas as pd

    from evalharness.stats import rate

    rows = pd.read_csv(data_file("llmfao/llmfao.csv"))
    golden = pd.read_csv(data_file("llmfao/llmfao-golden.csv"))
    golden = golden[golden.algorithm == "bradley_terry"].set_index("item").score
    names = {"left": "model_a", "right": "model_b"}
    table = rate(rows[["left", "right", "winner"]].rename(columns=names).replace({"winner": names}))

    expected = ELO_PER_NAT * (np.log(golden) - np.log(golden).mean()) + 1000
    assert_allclose(table.rating, expected[table.index], rtol=0, atol=1e-6)


def test_two_models_differ_by_the_log_odds_of_a_win():
    """30 wins to 10 are odds of 3; 400 log10(3) rating points."""
    ratings = bradley_terry(duel(30, 10))

    contrast = ratings.contrast("a", "b")
    assert contrast.value == pytest.approx(400 * math.log10(3))
    assert ratings.ratings.tolist() == pytest.approx(
        [1000 + 200 * math.log10(3), 1000 - 200 * math.log10(3)]
    )
    # the variance of a log-odds is 1/30 + 1/10; single battles as clusters add n/(n-1)
    expected = ELO_PER_NAT * math.sqrt((1 / 30 + 1 / 10) * 40 / 39)
    assert contrast.standard_error == pytest.approx(expected)


def test_the_interval_is_clustered_by_question():
    """Worked by hand: scores +1 and -1 on two questions, information 2, so the variance is 1."""
    one = [("a", "b", WON, 0)] * 3 + [("a", "b", LOST, 0)]
    other = [("a", "b", WON, 1)] + [("a", "b", LOST, 1)] * 3
    ratings = bradley_terry(battles(*one, *other))

    contrast = ratings.contrast("a", "b")
    assert contrast.standard_error == pytest.approx(ELO_PER_NAT)
    # Student's t with one degree of freedom at 97.5% is tan(0.475 pi)
    assert contrast.high == pytest.approx(ELO_PER_NAT * math.tan(0.475 * math.pi))
    assert (ratings.clusters, ratings.clustered_by) == (2, "question")


def test_an_anchor_keeps_its_rating_and_has_no_interval():
    """What is fixed is not uncertain; the others are uncertain against it."""
    free = bradley_terry(simulated())
    anchored = bradley_terry(simulated(), anchor="model-2", anchor_rating=1200)

    assert anchored.rating("model-2").value == pytest.approx(1200)
    assert anchored.rating("model-2").standard_error == pytest.approx(0, abs=1e-9)
    assert anchored.rating("model-0").standard_error == pytest.approx(
        free.contrast("model-0", "model-2").standard_error
    )


def test_one_question_leaves_no_interval():
    """One question shows no spread: the interval is NaN, not of width zero."""
    ratings = bradley_terry(battles(("a", "b", WON, 7), ("a", "b", LOST, 7)))

    assert np.isfinite(ratings.ratings).all()
    assert np.isnan([*ratings.low, *ratings.high]).all()


def test_a_result_has_the_settings_of_its_fit():
    """A table can state level, method, clusters, iterations and penalty."""
    ratings = bradley_terry(simulated(questions=30), level=0.9, penalty=0.1)

    assert (ratings.method, ratings.level, ratings.penalty) == ("Bradley-Terry", 0.9, 0.1)
    assert (ratings.clusters, ratings.clustered_by) == (30, "question")
    assert 1 <= ratings.iterations < 20
    assert ratings.battles.tolist() == [180] * 4


def test_a_penalty_keeps_a_model_that_only_won_finite_with_a_wide_interval():
    """Its residuals vanish, so a plain sandwich would call the most uncertain rating certain."""
    entries = [("a", "b", WON, q) for q in range(10)]
    entries += [("b", "c", outcome, q) for q, outcome in enumerate([WON, LOST] * 5)]
    ratings = bradley_terry(battles(*entries), penalty=0.25)

    assert ratings.rating("a").value > ratings.rating("b").value
    assert ratings.rating("a").standard_error > ratings.rating("c").standard_error
    posterior = np.sqrt(np.diag(ratings.inverse_information)) * ELO_PER_NAT
    assert np.all(ratings.standard_errors >= posterior - 1e-9)


def test_fewer_questions_than_models_do_not_shrink_intervals_to_nothing():
    """Two questions that agree have no spread at all, yet ratings are not exact."""
    cycle = [("a", "b", WON), ("b", "c", WON), ("c", "a", WON)]
    ratings = bradley_terry(battles(*[(*entry, q) for q in (0, 1) for entry in cycle]))

    assert np.all(ratings.standard_errors > 50)


def test_a_weight_of_two_is_the_battle_twice_for_the_ratings():
    """Weights multiply a battle's part in the likelihood."""
    entries = ([0, 0, 1], [1, 1, 0], [WON, LOST, TIE])
    weighted = build_comparisons(["a", "b"], *entries, weight=[2.0, 1.0, 1.0])
    repeated = build_comparisons(["a", "b"], [0, *entries[0]], [1, *entries[1]], [WON, *entries[2]])

    assert_allclose(bradley_terry(weighted).strengths, bradley_terry(repeated).strengths)


@settings(deadline=None, max_examples=40)
@given(connected_battles())
def test_expected_points_equal_points_won(comparisons):
    """The likelihood equations: a fitted model wins on average what its model really won."""
    ratings = bradley_terry(comparisons)
    gap = ratings.strengths[comparisons.first] - ratings.strengths[comparisons.second]
    surplus = comparisons.points - expit(gap)

    total = np.bincount(comparisons.first, surplus, minlength=len(comparisons.models))
    total -= np.bincount(comparisons.second, surplus, minlength=len(comparisons.models))
    assert_allclose(total, 0, atol=1e-7)
    assert ratings.strengths.sum() == pytest.approx(0, abs=1e-9)
    assert ratings.ratings.mean() == pytest.approx(1000)


@settings(deadline=None, max_examples=40)
@given(connected_battles(), st.randoms(use_true_random=False))
def test_renaming_permutes(comparisons, random):
    """Names carry no information."""
    places = list(range(len(comparisons.models)))
    random.shuffle(places)
    shuffle = np.array(places)
    renamed = build_comparisons(
        comparisons.models,
        shuffle[comparisons.first],
        shuffle[comparisons.second],
        comparisons.outcome,
        question=comparisons.cluster,
    )

    before, after = bradley_terry(comparisons), bradley_terry(renamed)
    assert_allclose(after.strengths[shuffle], before.strengths, atol=1e-8)
    assert_allclose(after.standard_errors[shuffle], before.standard_errors, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(connected_battles())
def test_swapping_sides_changes_nothing(comparisons):
    """The order of two models does not matter."""
    swapped = build_comparisons(
        comparisons.models,
        comparisons.second,
        comparisons.first,
        2 - comparisons.outcome,
        question=comparisons.cluster,
    )

    before, after = bradley_terry(comparisons), bradley_terry(swapped)
    assert_allclose(after.strengths, before.strengths, atol=1e-8)
    assert_allclose(after.covariance, before.covariance, atol=1e-8)


@settings(deadline=None, max_examples=40)
@given(connected_battles())
def test_doubling_the_data_halves_the_variance(comparisons):
    """Twice the independent battles are twice the information, at the same ratings."""
    doubled = build_comparisons(
        comparisons.models,
        np.tile(comparisons.first, 2),
        np.tile(comparisons.second, 2),
        np.tile(comparisons.outcome, 2),
    )

    before, after = bradley_terry(comparisons), bradley_terry(doubled)
    assert_allclose(after.strengths, before.strengths, atol=1e-8)
    assert_allclose(after.inverse_information, before.inverse_information / 2, atol=1e-8)


@settings(deadline=None, max_examples=40)
@given(connected_battles())
def test_a_tie_pulls_two_models_together(comparisons):
    """A tie is evidence that they are equal."""
    with_tie = build_comparisons(
        comparisons.models,
        [*comparisons.first, 0],
        [*comparisons.second, 1],
        [*comparisons.outcome, TIE],
    )

    before = bradley_terry(comparisons).strengths
    after = bradley_terry(with_tie).strengths
    assert abs(after[0] - after[1]) <= abs(before[0] - before[1]) + 1e-8


def test_separation_is_an_error_and_not_a_large_number():
    """The maximum-likelihood rating of a model that only won is infinite."""
    with pytest.raises(SeparationError, match="a won every battle"):
        bradley_terry(duel(5, 0))


def test_disconnection_is_an_error_even_with_a_penalty():
    """For groups that never met, a prior would invent the difference."""
    apart = battles(("a", "b", TIE), ("c", "d", TIE))

    with pytest.raises(DisconnectedError):
        bradley_terry(apart, penalty=0.25)


def test_too_few_iterations_are_an_error():
    """A fit that stopped early is none."""
    with pytest.raises(ConvergenceError, match="2 Newton steps"):
        bradley_terry(simulated(), max_iterations=2)


@pytest.mark.parametrize(
    "settings", [{"level": 1.0}, {"level": 0}, {"penalty": -1}, {"anchor": "vicuna-13b"}]
)
def test_invalid_settings_are_refused(settings):
    """Neither an impossible level nor an unknown anchor gives a table."""
    with pytest.raises(ValueError, match=r"level|penalty|anchor"):
        bradley_terry(simulated(), **settings)


def test_nothing_but_ties_leaves_wide_intervals():
    """Where residuals vanish, the variance of a rating comes from the information."""
    ties = build_comparisons(["a", "b"], [0] * 12, [1] * 12, [TIE] * 12, question=list(range(12)))

    found = bradley_terry(ties)

    assert found.ratings == pytest.approx([1000, 1000])
    assert (found.high - found.low > 100).all()
