"""Win rates against all models, a baseline, each other."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from battle_lists import LOST, TIE, WON, battles, connected_battles
from hypothesis import given, settings
from numpy.testing import assert_allclose

from evalharness.errors import BattlesError
from evalharness.stats import (
    build_comparisons,
    build_win_rate_matrix,
    clustered_mean,
    measure_pair_win_rates,
    measure_win_rates,
)

ENTRIES = (
    ("a", "b", WON, 1),
    ("b", "a", LOST, 2),
    ("a", "b", TIE, 3),
    ("c", "a", WON, 1),
    ("b", "c", TIE, 2),
)


def test_ties_count_half():
    """a: two wins, a tie and a loss are 2.5 of 4."""
    found = {rate.model: rate for rate in measure_win_rates(battles(*ENTRIES))}

    assert found["a"].value == pytest.approx(2.5 / 4)
    assert (found["a"].wins, found["a"].losses, found["a"].ties) == (2, 1, 1)
    assert found["b"].value == pytest.approx(1 / 4)
    assert found["c"].value == pytest.approx(1.5 / 2)


def test_a_baseline_counts_only_its_own_battles_and_has_no_row():
    """Against the baseline b, c has one tie; its other battles do not count."""
    found = {rate.model: rate for rate in measure_win_rates(battles(*ENTRIES), "b")}

    assert set(found) == {"a", "c"}
    assert found["a"].value == pytest.approx(2.5 / 3)
    assert (found["c"].battles, found["c"].value, found["c"].opponent) == (1, 0.5, "b")


def test_weights_enter_the_rate_and_not_the_counts():
    """A win of weight 3 against a loss of weight 1 is a rate of 3/4 over two battles."""
    weighted = build_comparisons(["a", "b"], [0, 0], [1, 1], [WON, LOST], weight=[3.0, 1.0])
    rate = measure_win_rates(weighted)[0]

    assert rate.value == pytest.approx(0.75)
    assert (rate.wins, rate.losses) == (1, 1)


def test_published_win_rates_and_standard_errors_come_out(data_file):
    """AlpacaEval's first leaderboard: vicuna-13b wins 70.4348 (1.6070) percent."""
    path = "alpaca_eval/results/vicuna-13b/alpaca_eval_gpt4/annotations.json"
    rows = json.loads(data_file(path).read_text(encoding="utf-8"))
    outcome = [{0: TIE, 1: LOST, 1.5: TIE, 2: WON}[row["preference"]] for row in rows]
    ones = np.ones(len(outcome), dtype=int)

    comparisons = build_comparisons(["vicuna-13b", "text-davinci-003"], ones - 1, ones, outcome)
    rate = measure_win_rates(comparisons, "text-davinci-003")[0]

    assert 100 * rate.value == pytest.approx(70.4348, abs=5e-5)
    assert 100 * rate.standard_error == pytest.approx(1.6070, abs=5e-5)


def test_the_pair_matrix_averages_to_published_rates(data_file):
    """The mean over opponents of pair rates is a golden score of the crowd battles."""
    rows = pd.read_csv(data_file("llmfao/llmfao.csv"))
    golden = pd.read_csv(data_file("llmfao/llmfao-golden.csv"))
    codes, models = pd.factorize(pd.concat([rows.left, rows.right]))
    outcome = rows.winner.map({"left": WON, "tie": TIE, "right": LOST})
    matrix = build_win_rate_matrix(
        build_comparisons(list(models), codes[: len(rows)], codes[len(rows) :], outcome)
    )

    scores = golden[golden.algorithm == "average_win_rate"].set_index("item").score
    assert_allclose(np.nanmean(matrix, axis=1), scores[list(models)], atol=1e-9)


def test_pairs_that_never_met_have_no_rate():
    """NaN in the matrix and no entry among the pairs, not a rate of zero."""
    comparisons = battles(("a", "b", WON), ("b", "c", TIE))

    assert math.isnan(build_win_rate_matrix(comparisons)[0, 2])
    assert [(pair.model, pair.opponent) for pair in measure_pair_win_rates(comparisons)] == [
        ("a", "b"),
        ("b", "c"),
    ]


@settings(deadline=None, max_examples=40)
@given(connected_battles())
def test_counts_add_up(comparisons):
    """Every battle is one model's win and another's loss, or a tie of both."""
    rates = measure_win_rates(comparisons)
    pairs = measure_pair_win_rates(comparisons)

    assert sum(rate.wins for rate in rates) == sum(rate.losses for rate in rates)
    assert sum(rate.battles for rate in rates) == 2 * len(comparisons.first)
    assert sum(pair.battles for pair in pairs) == len(comparisons.first)
    for rate in rates:
        assert rate.value == pytest.approx((rate.wins + rate.ties / 2) / rate.battles)
        assert rate.battles == comparisons.battles[comparisons.models.index(rate.model)]


@settings(deadline=None, max_examples=20)
@given(connected_battles())
def test_the_matrix_and_its_transpose_add_up_to_one(comparisons):
    """A pair's two rates are one minus the other."""
    matrix = build_win_rate_matrix(comparisons)
    total = matrix + matrix.T

    assert_allclose(total[~np.isnan(total)], 1)


def test_the_interval_is_clustered_by_question():
    """Two battles of one question are not two independent ones."""
    entries = [("a", "b", outcome, q) for q, outcome in enumerate([WON, LOST, TIE, WON])]
    once = measure_win_rates(battles(*entries))[0]
    twice = measure_win_rates(battles(*entries, *entries))[0]

    assert twice.standard_error == pytest.approx(once.standard_error)
    assert once.standard_error == pytest.approx(
        clustered_mean([1, 0, 0.5, 1], range(4)).standard_error
    )
    assert twice.clusters == 4


def test_an_unknown_baseline_is_refused():
    """The message names the models that there are."""
    with pytest.raises(BattlesError, match="'gpt-4' is in no battle; the models are a, b, c"):
        measure_win_rates(battles(*ENTRIES), "gpt-4")
