"""Human labels on a few questions, a judge's on many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from battle_lists import TIE, battles, connected_battles, simulated
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit

from evalharness.errors import BattlesError, DisconnectedError
from evalharness.stats import (
    ELO_PER_NAT,
    bradley_terry,
    build_comparisons,
    clustered_mean,
    prediction_powered_mean,
    prediction_powered_ratings,
)
from evalharness.stats.estimation.logistic_regression import fit_logistic
from evalharness.stats.estimation.pair_matrices import PairDesignMatrix

NORMAL = 1.959963984540054
STRENGTHS = np.array([0.6, 0.0, -0.6])
PAIRS = np.array([(a, b) for a in range(3) for b in range(3) if a != b])


def uncorrected(estimate, labelled, unlabelled):
    """Return the standard error without the factors G/(G-1) of its two parts."""
    return math.sqrt(
        estimate.labelled_error**2 * (labelled - 1) / labelled
        + estimate.unlabelled_error**2 * (unlabelled - 1) / unlabelled
    )


@pytest.mark.parametrize("name", ["ppi_mean", "ppi_mean_weak"])
def test_means_agree_with_the_case(case, close, name):
    """Computed by ppi_py, which trusts the judge fully in both and uses the normal quantile."""
    expected = case(name)
    found = prediction_powered_mean(expected["Y"], expected["F_labeled"], expected["F_unlabeled"])
    reach = NORMAL * uncorrected(found, found.labelled, found.unlabelled)

    assert found.trust == 1
    close(found.value, expected["ppi_pp"]["est"])
    close([found.value - reach, found.value + reach], expected["ppi_pp"]["ci95"])


def test_clustered_means_agree_with_the_case(case, close):
    """Each part's clustered error by statsmodels, without G/(G-1), at a trust of 0.7."""
    expected = case("ppi_mean")
    clustered = expected["clustered"]
    found = prediction_powered_mean(
        expected["Y"],
        expected["F_labeled"],
        expected["F_unlabeled"],
        question=clustered["q_labeled"],
        unlabelled_question=clustered["q_unlabeled"],
        trust=clustered["lam"],
    )

    close(found.value, clustered["est"])
    close(uncorrected(found, 30, 250), clustered["se"])
    assert (found.labelled, found.unlabelled, found.clusters) == (60, 1000, 30)


def test_a_good_judge_saves_labels(case):
    """The case's second set: 1.7 times as many labels would do without a judge."""
    expected = case("ppi_mean_weak")
    found = prediction_powered_mean(expected["Y"], expected["F_labeled"], expected["F_unlabeled"])

    assert found.label_factor == pytest.approx(1.7, abs=0.05)


def test_no_trust_is_the_humans_alone():
    """The mean of the labels, and the Bradley-Terry ratings of the labelled battles."""
    rng = np.random.default_rng(0)
    labels, predictions, unlabelled = rng.normal(size=(3, 30))
    found = prediction_powered_mean(labels, predictions, unlabelled, trust=0.0)
    humans = clustered_mean(labels, range(30))
    assert (found.value, found.standard_error) == pytest.approx(
        (humans.value, humans.standard_error)
    )
    assert found.humans == humans

    battles_of_humans = simulated()
    powered = prediction_powered_ratings(
        battles_of_humans, battles_of_humans.outcome, simulated(seed=1), trust=0.0
    ).ratings
    plain = bradley_terry(battles_of_humans)
    assert_allclose(powered.strengths, plain.strengths, atol=1e-7)
    # its rows are about their mean, which differs between models
    assert_allclose(powered.standard_errors, plain.standard_errors, rtol=0.02)


def test_a_judge_who_says_nothing_is_not_trusted():
    """Constant predictions, or predictions against the labels, have no weight."""
    labels = np.random.default_rng(0).normal(size=40)

    assert prediction_powered_mean(labels, np.ones(40), np.ones(90)).trust == 0
    assert prediction_powered_mean(labels, -labels, np.zeros(90)).trust == 0


def test_a_judge_who_is_always_right_makes_unlabelled_rows_labels():
    """Full trust gives the judge's mean."""
    rng = np.random.default_rng(0)
    labels, unlabelled = rng.normal(size=20), rng.normal(size=2000)
    found = prediction_powered_mean(labels, labels, unlabelled, trust=1.0)

    assert found.value == pytest.approx(unlabelled.mean())
    assert found.labelled_error == pytest.approx(0)


@given(st.floats(-5, 5), st.integers(0, 1000))
def test_a_judge_who_is_generous_to_all_changes_nothing(generosity, seed):
    """A constant bias is corrected at any trust."""
    labels, predictions = np.random.default_rng(seed).normal(size=(2, 20))
    unlabelled = np.random.default_rng(seed + 1).normal(size=50)
    fair = prediction_powered_mean(labels, predictions, unlabelled)
    generous = prediction_powered_mean(labels, predictions + generosity, unlabelled + generosity)

    assert generous.value == pytest.approx(fair.value, abs=1e-9)
    assert generous.standard_error == pytest.approx(fair.standard_error)
    assert 0 <= fair.trust <= 1
    assert fair.low <= fair.value <= fair.high


@given(st.integers(0, 1000))
def test_the_best_trust_has_the_smallest_error(seed):
    """No other weight of the judge gives a shorter interval."""
    rng = np.random.default_rng(seed)
    question, more = np.arange(30) // 2, np.arange(60) // 2
    labels = rng.normal(size=30) + rng.normal(size=15)[question]
    arrays = labels, labels + rng.normal(size=30), rng.normal(size=60)
    questions = {"question": question, "unlabelled_question": more}
    best = prediction_powered_mean(*arrays, **questions)

    for trust in np.linspace(0, 1, 11):
        other = prediction_powered_mean(*arrays, **questions, trust=trust)
        assert best.standard_error <= other.standard_error + 1e-12


@pytest.mark.parametrize("overlap", [False, True])
def test_the_interval_of_a_mean_covers(overlap):
    """30 labelled of 80 questions, three rows each, a judge 0.3 too generous; 300 runs."""
    rng = np.random.default_rng(7)
    question = np.repeat(np.arange(30), 3)
    more = np.repeat(np.arange(0 if overlap else 30, 80), 3)
    hits, factors = [], []
    for _ in range(300):
        effect = rng.normal(0, 0.8, 80)
        truth = effect[question] + rng.normal(0, 0.6, len(question))
        unseen = effect[more] + rng.normal(0, 0.6, len(more))
        judged, judged_more = (x + 0.3 + rng.normal(0, 0.5, len(x)) for x in (truth, unseen))
        found = prediction_powered_mean(
            truth, judged, judged_more, question=question, unlabelled_question=more
        )
        hits.append(found.low < 0 < found.high)
        factors.append(found.label_factor)

    assert np.mean(hits) == pytest.approx(0.95, abs=0.04)
    assert np.mean(factors) > 1.5


def drawn(questions, effect, rng):
    """Return the labels of humans and of a biased judge for all pairs in both orders."""
    first, second = np.tile(PAIRS, (len(questions), 1)).T
    question = np.repeat(questions, len(PAIRS))
    gap = STRENGTHS[first] - STRENGTHS[second]
    gap += effect[question, first] - effect[question, second]
    humans = rng.random(len(gap)) < expit(gap)
    judge = np.where(rng.random(len(gap)) < 0.8, humans, rng.random(len(gap)) < 0.6)
    return (
        build_comparisons(["a", "b", "c"], first, second, 2 * humans, question=question),
        build_comparisons(["a", "b", "c"], first, second, 2 * judge, question=question),
    )


def marginal_gap(sd, rng):
    """Return the rating gap of first and last that many battles with such effects tend to."""
    effect = rng.normal(0, sd, (100_000, 3))
    first, second = PAIRS.T
    gaps = STRENGTHS[first] - STRENGTHS[second] + effect[:, first] - effect[:, second]
    design = PairDesignMatrix.from_battles(np.array(first), np.array(second), 3)
    fitted = fit_logistic(design, expit(gaps).mean(axis=0), np.ones(len(first)))
    return ELO_PER_NAT * (fitted.coefficients[0] - fitted.coefficients[2])


@pytest.mark.parametrize("overlap", [False, True])
def test_the_interval_of_ratings_covers(overlap):
    """25 labelled of 70 questions, models better on some of them; 200 runs."""
    rng = np.random.default_rng(8)
    truth = marginal_gap(0.7, rng)
    hits, gains = [], []
    for _ in range(200):
        effect = rng.normal(0, 0.7, (70, 3))
        humans, judge = drawn(np.arange(70), effect, rng)
        labelled = humans.cluster < 25
        arguments = (
            humans.select(labelled),
            judge.outcome[labelled],
            judge if overlap else judge.select(~labelled),
        )
        found = prediction_powered_ratings(*arguments).ratings.contrast("a", "c")
        alone = bradley_terry(arguments[0]).contrast("a", "c")
        hits.append(found.low < truth < found.high)
        gains.append(alone.standard_error / found.standard_error)

    assert np.mean(hits) == pytest.approx(0.95, abs=0.05)
    assert np.mean(gains) > 1.15


def test_battles_without_questions_are_one_cluster_each():
    """The first battle of one part is not the first battle of the other."""
    people, judge = simulated(), simulated(seed=1)
    apart = [
        build_comparisons(part.models, part.first, part.second, part.outcome, question=numbers)
        for part, numbers in (
            (people, np.arange(len(people.first))),
            (judge, len(people.first) + np.arange(len(judge.first))),
        )
    ]
    alone = [
        build_comparisons(part.models, part.first, part.second, part.outcome) for part in apart
    ]
    found, expected = (
        prediction_powered_ratings(one, people.outcome, other).ratings
        for one, other in (alone, apart)
    )

    assert_allclose(found.covariance, expected.covariance)


def test_a_judge_who_turns_all_verdicts_round_cannot_mislead():
    """Humans on a quarter of the questions outweigh a contrary judge on all."""
    rng = np.random.default_rng(3)
    humans, _ = drawn(np.arange(80), np.zeros((80, 3)), rng)
    contrary = build_comparisons(
        humans.models, humans.first, humans.second, 2 - humans.outcome, question=humans.cluster
    )
    few = humans.cluster < 20
    found = prediction_powered_ratings(humans.select(few), contrary.outcome[few], contrary)

    assert found.trust == 0
    assert found.ratings.rating("a").value > found.ratings.rating("c").value
    assert (found.labelled, found.unlabelled) == (120, 480)


@settings(max_examples=15)
@given(connected_battles())
def test_a_judge_who_is_always_right_gives_the_ratings_of_its_battles(comparisons):
    """At full trust, the human labels cancel against the judge's."""
    spread = build_comparisons(
        comparisons.models, comparisons.first, comparisons.second, comparisons.outcome
    )
    assume(len(spread.first) >= len(spread.models))
    found = prediction_powered_ratings(spread, spread.outcome, spread, trust=1.0)

    assert_allclose(found.ratings.strengths, bradley_terry(spread).strengths, atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (([], [], [1.0]), {}, "labelled and unlabelled"),
        (([1.0], [1.0, 0.0], [1.0]), {}, "needs a prediction"),
        (([1.0], [math.nan], [1.0]), {}, "finite"),
        (([1.0, 0.0], [1.0, 0.0], [1.0]), {"trust": 1.5}, "between 0 and 1"),
        (([1.0], [1.0], [1.0]), {"question": [0]}, "or of neither"),
    ],
)
def test_parts_that_do_not_fit_are_refused(arguments, settings, message):
    """A row without a partner is refused, not guessed."""
    with pytest.raises(BattlesError, match=message):
        prediction_powered_mean(*arguments, **settings)


def test_battles_that_do_not_fit_are_refused():
    """Other models, other outcomes, too few questions, or unconnected models."""
    whole = simulated()
    unknown = build_comparisons(whole.models, whole.first, whole.second, whole.outcome)
    few = whole.select(whole.cluster < 3)
    apart = battles(*[("a", "b", TIE, q) for q in range(4)], ("c", "d", TIE, 0))

    with pytest.raises(BattlesError, match="same models"):
        prediction_powered_ratings(whole, whole.outcome, simulated(models=3))
    with pytest.raises(BattlesError, match="judge's outcome"):
        prediction_powered_ratings(whole, whole.outcome + 1, whole)
    with pytest.raises(BattlesError, match="one part only"):
        prediction_powered_ratings(whole, whole.outcome, unknown)
    with pytest.raises(BattlesError, match="3 questions are too few"):
        prediction_powered_ratings(few, few.outcome, whole)
    with pytest.raises(DisconnectedError):
        prediction_powered_ratings(apart, apart.outcome, apart)
