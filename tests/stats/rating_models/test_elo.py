"""Online Elo: a worked example, published scores, what its order does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from battle_lists import LOST, TIE, WON, battles, connected_battles, simulated
from hypothesis import given, settings
from numpy.testing import assert_allclose

from evalharness.stats import bootstrap_elo, build_comparisons, online_elo, shuffled_elo


def test_two_battles_by_hand():
    """Equals exchange half of K; a tie then takes from the one expected to win."""
    elo = online_elo(battles(("a", "b", WON), ("a", "b", TIE)), k=4)

    expected = 1 / (1 + 10 ** (-4 / 400))
    assert elo.ratings.tolist() == pytest.approx(
        [1002 + 4 * (0.5 - expected), 998 - 4 * (0.5 - expected)]
    )
    assert (elo.k, elo.start, elo.orders, elo.battles.tolist()) == (4, 1000, 1, [2, 2])


def test_real_battles_give_the_published_scores(data_file):
    """8,931 crowd battles in order, K=4, start 1000; golden scores by another implementation."""
    rows = pd.read_csv(data_file("llmfao/llmfao.csv"))
    golden = pd.read_csv(data_file("llmfao/llmfao-golden.csv"))
    codes, models = pd.factorize(pd.concat([rows.left, rows.right]))
    outcome = rows.winner.map({"left": WON, "tie": TIE, "right": LOST})

    elo = online_elo(
        build_comparisons(list(models), codes[: len(rows)], codes[len(rows) :], outcome)
    )

    scores = golden[golden.algorithm == "elo"].set_index("item").score
    assert_allclose(elo.ratings, scores[list(models)], rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(connected_battles())
def test_points_only_change_hands(comparisons):
    """What one model gains the other loses, so the mean stays."""
    assert online_elo(comparisons).ratings.mean() == pytest.approx(1000)


def test_shuffling_forgets_the_order():
    """Early and late wins count alike on average, and the seed gives the same orders again."""
    early = battles(*[("a", "b", WON)] * 20, *[("a", "b", LOST)] * 20)
    shuffled = shuffled_elo(early, np.random.default_rng(1), orders=400)
    again = shuffled_elo(early, np.random.default_rng(1), orders=400)

    assert online_elo(early).ratings[0] < 996
    assert shuffled.ratings[0] == pytest.approx(1000, abs=2)
    assert shuffled.ratings.tolist() == again.ratings.tolist()
    assert shuffled.orders == 400


def test_intervals_hold_the_rating_and_come_from_questions():
    """The bootstrap draws questions; a level of 99% reaches further than one of 90%."""
    comparisons = simulated(questions=20)
    elo = online_elo(comparisons)
    narrow = bootstrap_elo(comparisons, np.random.default_rng(0), level=0.9)
    wide = bootstrap_elo(comparisons, np.random.default_rng(0), level=0.99)

    assert np.all((narrow.low < elo.ratings) & (elo.ratings < narrow.high))
    assert np.all(wide.high - wide.low > narrow.high - narrow.low)
    assert narrow.clusters == 20


def test_one_question_leaves_no_interval():
    """Drawing the only question again shows no spread."""
    intervals = bootstrap_elo(battles(("a", "b", WON, 3)), np.random.default_rng(0))

    assert np.isnan([*intervals.low, *intervals.high, *intervals.standard_errors]).all()
