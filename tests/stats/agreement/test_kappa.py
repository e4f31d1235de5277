"""Agreement of judges: two of them, and many."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from builders import battle
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from evalharness.domain import Battle, Winner
from evalharness.errors import BattlesError
from evalharness.stats import (
    DisagreementWeight,
    MeasurementScale,
    PairedVotes,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    matthews_correlation,
    observed_agreement,
    pair_votes_between,
    pair_votes_within,
)

CODES = {"B": 0.0, "T": 1.0, "A": 2.0}


def rng():
    """Return a generator that every test may consume."""
    return np.random.default_rng(5)


def paired(left, right, question=None):
    """Return pairs of votes, by default each on its own question."""
    return PairedVotes(
        left=np.asarray(left, dtype=float),
        right=np.asarray(right, dtype=float),
        question=np.arange(len(left)) if question is None else np.asarray(question),
    )


@pytest.fixture
def raters(case):
    """Return the votes of the case's judge and two humans, one column each."""
    expected = case("agreement")
    return np.array([[CODES[vote] for vote in expected[name]] for name in ("judge", "h1", "h2")]).T


def test_agreement_with_humans_agrees_with_the_case(case, close, raters):
    """Setup 1 has a tie as a third vote, setup 2 only pairs of votes without ties."""
    expected = case("agreement")
    judge, one, two = raters.T
    question = np.tile(np.arange(60), 2)
    votes = paired([*judge, *judge], [*one, *two], question)

    with_ties, decided = (
        observed_agreement(votes, rng()),
        observed_agreement(votes, rng(), ties=False),
    )
    close([with_ties.value, with_ties.count], [expected["S1_agreement"], expected["n_S1"]])
    close([decided.value, decided.count], [expected["S2_agreement"], expected["n_S2"]])
    close(observed_agreement(paired(one, two), rng()).value, expected["human_human_S1"])


def test_kappas_agree_with_the_case(case, close, raters):
    """Computed by scikit-learn and statsmodels."""
    expected = case("agreement")
    votes = paired(raters[:, 0], raters[:, 1])
    found = {
        kind: cohen_kappa(votes, rng(), disagreement=kind).value for kind in DisagreementWeight
    }

    close(found[DisagreementWeight.EQUAL], expected["kappa_judge_h1"])
    close(found[DisagreementWeight.LINEAR], expected["kappa_linear"])
    close(found[DisagreementWeight.QUADRATIC], expected["kappa_quadratic"])
    close(matthews_correlation(votes, rng()).value, expected["mcc"])
    close(fleiss_kappa(raters, range(60), rng()).value, expected["fleiss_3raters"])


def test_alphas_with_missing_ratings_agree_with_the_case(case, close, raters):
    """Computed by krippendorff's own package, every seventh rating of one human missing."""
    expected = case("agreement")
    raters[:: expected["missing_h2_every"], 2] = np.nan

    for scale in MeasurementScale:
        found = krippendorff_alpha(raters, range(60), rng(), scale=scale)
        close(found.value, expected[f"alpha_{scale}"])


def published(path, *, only=""):
    """Return the votes of a file of MT-Bench, an inconsistent pair of verdicts as a tie."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Battle(
            question_id=str(row["question_id"]),
            turn=row["turn"],
            judge=row["judge"],
            model_a=row["model_a"],
            model_b=row["model_b"],
            winner=Winner.TIE if row["winner"].startswith("tie") else Winner(row["winner"]),
        )
        for row in rows
        if row["judge"].startswith(only)
    ]


@pytest.mark.parametrize(
    ("turn", "judge_and_humans", "among_humans"),
    [
        (1, [(66, 1343), (85, 859)], [(63, 721), (81, 479)]),
        (2, [(66, 1325), (85, 864)], [(67, 707), (82, 474)]),
    ],
)
def test_the_published_agreement_of_mt_bench_comes_out(
    data_file, turn, judge_and_humans, among_humans
):
    """Zheng et al. 2023, table 5: GPT-4 and experts, with ties and without, and counts."""
    experts = published(data_file("mt_bench_human/human.jsonl"), only="expert")
    gpt4 = published(data_file("mt_bench_human/gpt4_pair.jsonl"))
    humans = [vote for vote in experts if vote.turn == turn]

    for votes, figures in (
        (pair_votes_between(gpt4, humans), judge_and_humans),
        (pair_votes_within(humans), among_humans),
    ):
        found = [
            observed_agreement(votes, rng(), ties=ties, replicates=10) for ties in (True, False)
        ]
        assert [(round(100 * each.value), each.count) for each in found] == figures


def test_votes_are_turned_to_the_order_of_the_names():
    """The same opinion, written down with the models the other way round, agrees."""
    judge = [battle("vicuna-13b", "alpaca-7b", winner=Winner.MODEL_A)]
    human = [battle("alpaca-7b", "vicuna-13b", winner=Winner.MODEL_B, judge="expert_1")]
    votes = pair_votes_between(judge, human)

    assert (votes.left.tolist(), votes.right.tolist()) == ([0], [0])


def test_every_human_vote_counts_once_and_each_two_humans_make_a_pair():
    """Three humans on one showing: three pairs with the judge, three among themselves."""
    humans = [battle(judge=f"expert_{number}") for number in range(3)]
    other_turn = battle(judge="expert_4", turn=2)

    assert len(pair_votes_between([battle()], [*humans, other_turn]).left) == 3
    assert len(pair_votes_within([*humans, other_turn]).left) == 3


def test_kappa_is_zero_when_votes_are_independent():
    """Worked by hand: every combination equally often is what chance gives."""
    votes = paired([0, 0, 2, 2], [0, 2, 0, 2])

    assert cohen_kappa(votes, rng()).value == pytest.approx(0)
    assert matthews_correlation(votes, rng()).value == pytest.approx(0)
    assert observed_agreement(votes, rng()).value == pytest.approx(0.5)


def test_the_interval_is_clustered_by_question():
    """Repeating every vote on its question adds no certainty; as new questions, it does."""
    left, right = np.random.default_rng(1).integers(0, 3, (2, 60))
    once = observed_agreement(paired(left, right), rng())
    repeated = paired([*left, *left], [*right, *right], np.tile(np.arange(60), 2))
    spread = paired([*left, *left], [*right, *right])

    assert observed_agreement(repeated, rng()).standard_error == pytest.approx(once.standard_error)
    assert observed_agreement(spread, rng()).standard_error < 0.8 * once.standard_error
    assert once.low < once.value < once.high
    assert once.standard_error == pytest.approx(
        math.sqrt(once.value * (1 - once.value) / 60), rel=0.1
    )


def test_without_variety_a_coefficient_has_no_meaning_but_agreement_has():
    """When all votes are equal, chance alone agrees always, and the figure is NaN."""
    same = paired([1, 1, 1], [1, 1, 1])

    assert math.isnan(cohen_kappa(same, rng()).value)
    assert math.isnan(fleiss_kappa(np.ones((3, 2)), range(3), rng()).value)
    assert observed_agreement(same, rng()).value == 1


def test_one_question_leaves_no_interval():
    """One question shows no spread, so the interval is NaN."""
    alone = observed_agreement(paired([0, 2], [0, 0], [7, 7]), rng())

    assert alone.value == 0.5
    assert math.isnan(alone.low)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=30))
def test_the_order_of_two_judges_does_not_matter(entries):
    """Agreement and kappas are symmetric, and at most 1."""
    left, right = zip(*entries, strict=True)
    for measure in (observed_agreement, cohen_kappa, matthews_correlation):
        found = measure(paired(left, right), rng(), replicates=2).value
        turned = measure(paired(right, left), rng(), replicates=2).value
        assert_allclose(found, turned, equal_nan=True)
        assert math.isnan(found) or found <= 1 + 1e-12


@given(st.lists(st.lists(st.integers(1, 4), min_size=3, max_size=3), min_size=2, max_size=20))
def test_alpha_approaches_fleiss_kappa_and_is_1_for_raters_who_agree(entries):
    """Without missing ratings they differ only by the correction for small samples."""
    ratings = np.array(entries, dtype=float)
    units, raters = ratings.shape
    alpha = krippendorff_alpha(ratings, range(units), rng(), replicates=2).value
    kappa = fleiss_kappa(ratings, range(units), rng(), replicates=2).value
    total = units * raters

    assert_allclose(1 - alpha, (1 - kappa) * (total - 1) / total, equal_nan=True, atol=1e-12)
    copied = np.column_stack([ratings[:, 0]] * 3)
    if len(set(copied[:, 0])) > 1:
        for scale in MeasurementScale:
            whole = krippendorff_alpha(copied, range(units), rng(), scale=scale, replicates=2)
            assert whole.value == pytest.approx(1)


@given(st.integers(0, 1000))
def test_the_order_of_raters_does_not_matter_to_alpha(seed):
    """The column of a missing rating does not matter."""
    drawn = np.random.default_rng(seed)
    ratings = drawn.integers(1, 5, (12, 4)).astype(float)
    ratings[drawn.random(ratings.shape) < 0.2] = np.nan
    shuffled = drawn.permuted(ratings, axis=1)

    for scale in MeasurementScale:
        found, other = (
            krippendorff_alpha(each, range(12), rng(), scale=scale, replicates=2).value
            for each in (ratings, shuffled)
        )
        assert_allclose(found, other)


def test_votes_on_nothing_in_common_are_refused():
    """The agreement of no votes is not a number."""
    with pytest.raises(BattlesError, match="in common"):
        pair_votes_between([battle(question_id="81")], [battle(question_id="82")])
    with pytest.raises(BattlesError, match="two votes"):
        pair_votes_within([battle()])


def test_only_ties_cannot_be_left_out():
    """Without ties, no pair of votes remains."""
    with pytest.raises(BattlesError, match="has a tie"):
        observed_agreement(paired([1, 1], [0, 1]), rng(), ties=False)


def test_missing_ratings_are_refused_where_they_cannot_be_used():
    """The message names the measure that can."""
    with pytest.raises(BattlesError, match="Krippendorff"):
        fleiss_kappa([[1, math.nan], [1, 2]], range(2), rng())
    with pytest.raises(BattlesError, match="two ratings"):
        krippendorff_alpha([[1, math.nan], [math.nan, 2]], range(2), rng())
    with pytest.raises(ValueError, match="level"):
        observed_agreement(paired([0, 1], [0, 1]), rng(), level=95)


def test_the_bootstrap_does_not_depend_on_the_order_of_the_questions():
    """The same votes with the same seed give the same interval."""
    random = np.random.default_rng(1)
    left, question = random.integers(0, 3, 200), random.integers(0, 40, 200)
    right = np.where(random.random(200) < 0.6, left, random.integers(0, 3, 200))
    order = random.permutation(200)
    renamed = random.permutation(40)[question]

    plain = cohen_kappa(
        PairedVotes(left=left, right=right, question=question), np.random.default_rng(0)
    )
    shuffled = cohen_kappa(
        PairedVotes(left=left[order], right=right[order], question=renamed[order]),
        np.random.default_rng(0),
    )

    assert (shuffled.low, shuffled.high) == pytest.approx((plain.low, plain.high))
