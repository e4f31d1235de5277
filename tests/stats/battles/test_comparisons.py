"""Battles as checked arrays."""

from __future__ import annotations

import numpy as np
import pytest
from battle_lists import LOST, TIE, WON, battles
from builders import battle

from evalharness.domain import Verdict, Winner
from evalharness.errors import BattlesError, EvalHarnessError
from evalharness.stats import (
    OUTCOME_BY_VERDICT,
    OUTCOME_BY_WINNER,
    BattleOutcome,
    build_comparisons,
    build_comparisons_from_battles,
)

NAMES = ["vicuna-13b", "alpaca-7b"]


def test_a_win_gives_the_first_of_two_one_point_and_a_tie_half():
    """Verdicts, winners and outcomes agree on it."""
    assert [winner.points for winner in (Winner.MODEL_A, Winner.TIE, Winner.MODEL_B)] == [1, 0.5, 0]
    assert [verdict.points for verdict in (Verdict.A, Verdict.TIE, Verdict.B)] == [1, 0.5, 0]
    assert OUTCOME_BY_WINNER[Winner.MODEL_A] is OUTCOME_BY_VERDICT[Verdict.A]
    assert OUTCOME_BY_WINNER[Winner.MODEL_A] is BattleOutcome.FIRST_WON
    assert OUTCOME_BY_VERDICT[Verdict.B] is BattleOutcome.SECOND_WON
    assert OUTCOME_BY_WINNER[Winner.TIE] is OUTCOME_BY_VERDICT[Verdict.TIE] is BattleOutcome.TIE


def test_settled_battles_become_arrays_clustered_by_question():
    """Both turns and all judges of a question share its cluster."""
    comparisons = build_comparisons_from_battles(
        [
            battle("vicuna-13b", "alpaca-7b", "81", turn=1, winner=Winner.MODEL_A),
            battle("vicuna-13b", "alpaca-7b", "81", turn=2, winner=Winner.TIE),
            battle("koala-13b", "vicuna-13b", "82", winner=Winner.MODEL_B),
        ]
    )

    assert comparisons.models == ("alpaca-7b", "koala-13b", "vicuna-13b")
    assert comparisons.first.tolist() == [2, 2, 1]
    assert comparisons.points.tolist() == [1.0, 0.5, 0.0]
    assert comparisons.cluster.tolist() == [0, 0, 1]
    assert comparisons.clustered_by == "question"
    assert comparisons.battles.tolist() == [2, 1, 3]


def test_without_questions_every_battle_is_a_cluster():
    """Where questions are not known, battles can only count as independent."""
    comparisons = battles(("a", "b", WON), ("a", "b", LOST))

    assert comparisons.clustered_by == "battle"
    assert len(set(comparisons.cluster.tolist())) == 2


def test_battles_of_weight_zero_are_left_out():
    """A battle of weight 0 does not connect models or add to counts."""
    comparisons = build_comparisons(NAMES, [0, 0], [1, 1], [WON, TIE], weight=[1.0, 0.0])

    assert comparisons.battles.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": [], "second": [], "outcome": []}, "no battles"),
        ({"first": [0], "second": [0], "outcome": [WON]}, "vicuna-13b against itself"),
        ({"first": [0], "second": [1], "outcome": [3]}, "outcomes are"),
        ({"first": [0], "second": [2], "outcome": [WON]}, "outside 0..1"),
        ({"first": [0, 0], "second": [1], "outcome": [WON]}, "different lengths"),
        ({"first": [0], "second": [1], "outcome": [WON], "weight": [np.nan]}, "weight nan"),
        ({"first": [0], "second": [1], "outcome": [WON], "weight": [np.inf]}, "weight inf"),
        ({"first": [0], "second": [1], "outcome": [WON], "weight": [-1.0]}, "weight -1.0"),
        ({"first": [0], "second": [1], "outcome": [WON], "weight": [0.0]}, "no battles"),
    ],
)
def test_invalid_arguments_are_refused(arguments, message):
    """Invalid battles raise an error of this package that is a ValueError and names the fault."""
    with pytest.raises(BattlesError, match=message) as caught:
        build_comparisons(NAMES, **arguments)

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, EvalHarnessError)


def test_two_models_of_one_name_are_refused():
    """Results are looked up by name."""
    with pytest.raises(BattlesError, match="same name"):
        build_comparisons(["vicuna-13b", "vicuna-13b"], [0], [1], [WON])
