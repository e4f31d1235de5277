"""Test differences of win rates where the two models have battles on different questions."""

from __future__ import annotations

import numpy as np
import pytest
from battle_lists import LOST, WON

from evalharness.errors import BattlesError
from evalharness.stats import NonInferiority, build_comparisons, compare_win_rates


def _battles(first_wins, second_wins):
    """Return battles of `able` and `calm` against `base`, one a question, from the first question on."""
    sizes = len(first_wins), len(second_wins)
    return build_comparisons(
        ["able", "base", "calm"],
        np.repeat([0, 2], sizes),
        np.ones(sum(sizes), dtype=int),
        [WON if won else LOST for won in (*first_wins, *second_wins)],
        question=np.concatenate([np.arange(size) for size in sizes]),
    )


def test_one_battle_of_a_model_decides_nothing():
    """Twenty questions of the other model say nothing about the one that has a single battle."""
    found = compare_win_rates(_battles([True] * 20, [False]), "calm", "able")

    assert found.value == -1.0
    assert found.low == -1.0
    assert found.high >= 0
    assert found.p_value > 0.05
    assert found.clusters == 1
    assert found.decide_non_inferiority() is NonInferiority.CANNOT_TELL


def test_equal_questions_need_no_widening():
    """Where both models have the same questions, the paired test stands."""
    rng = np.random.default_rng(3)
    wins, others = rng.random((2, 40)) < np.array([[0.7], [0.4]])
    found = compare_win_rates(_battles(wins, others), "able", "calm")

    assert found.clusters == 40
    assert found.low < found.value < found.high


def test_intervals_hold_where_one_model_has_few_questions():
    """Coverage of 40 drawn runs; by the number of all questions it would be .4."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(40):
        found = compare_win_rates(
            _battles(rng.random(20) < 0.9, rng.random(2) < 0.3), "able", "calm"
        )
        covered += found.low <= 0.9 - 0.3 <= found.high
        assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)
    assert covered >= 37


def test_a_model_without_battles_has_no_difference():
    """The message names the model."""
    with pytest.raises(BattlesError, match="nobody"):
        compare_win_rates(_battles([True], [False]), "able", "nobody")
