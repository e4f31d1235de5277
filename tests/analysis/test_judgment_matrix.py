"""Several judges: one voice each, whatever else they did."""

from __future__ import annotations

import numpy as np
import pytest
from builders import battle, graded_judgment
from hypothesis import given
from hypothesis import strategies as st

from evalharness.analysis.judgment_matrix import (
    average_grades,
    settle_by_majority,
    tabulate_battles,
    tabulate_grades,
)
from evalharness.domain import Winner

VICUNA, ALPACA = "vicuna-13b", "alpaca-7b"
A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE


def votes(*winners):
    """Return one judge's battle for each winner, of alpaca against vicuna."""
    return [
        battle(ALPACA, VICUNA, winner=winner, judge=f"judge {number}")
        for number, winner in enumerate(winners)
    ]


@pytest.mark.parametrize(
    ("winners", "majority"),
    [
        ((A, A, B), A),
        ((B, B, TIE), B),
        ((A, B), TIE),
        ((A, B, TIE), TIE),
        ((A, TIE), TIE),
        ((TIE, TIE, A), TIE),
        ((A, A, B, TIE), TIE),
        ((A,), A),
    ],
)
def test_a_battle_goes_to_whom_more_than_half_prefer(winners, majority):
    """A tie stays a tie, and a split is one."""
    (found,) = settle_by_majority(tabulate_battles(votes(*winners)))

    assert found.winner is majority


def test_a_grade_is_the_mean_over_judges_not_over_rows():
    """The judge that graded with two prompts has one voice, as the other has."""
    graded = [
        graded_judgment(score=8, judge="twice"),
        graded_judgment(score=4, judge="twice"),
        graded_judgment(score=9, judge="once"),
        graded_judgment(score=None, unscored="no_number", judge="silent"),
    ]
    (found,) = average_grades(tabulate_grades(graded))

    assert (found.score, found.model, found.question_id) == (7.5, VICUNA, "81")


def test_turns_samples_and_models_are_graded_apart():
    """Only what is of one answer at one turn comes together."""
    graded = [
        graded_judgment(model, turn=turn, sample=sample, score=turn + sample, judge=judge)
        for model in (VICUNA, ALPACA)
        for turn in (1, 2)
        for sample in (0, 1)
        for judge in ("x", "y")
    ]
    found = average_grades(tabulate_grades(graded))

    assert len(found) == 8
    assert all(grade.score == grade.turn + grade.sample for grade in found)


def test_a_pair_named_either_way_round_is_one_pair():
    """Votes are turned to the order of the names."""
    battles = [
        battle(VICUNA, ALPACA, winner=A, judge="x"),
        battle(ALPACA, VICUNA, winner=B, judge="y"),
    ]
    (found,) = settle_by_majority(tabulate_battles(battles))

    assert (found.model_a, found.model_b, found.winner) == (ALPACA, VICUNA, B)


def test_judges_who_skipped_a_model_are_left_out_of_that_question():
    """Otherwise a severe judge would lower the models that it did grade."""
    graded = [graded_judgment(model, judge="whole", score=6) for model in (VICUNA, ALPACA)]
    graded.append(graded_judgment(VICUNA, judge="partial", score=1))
    found = average_grades(tabulate_grades(graded).keep_fully_graded())

    assert [grade.score for grade in found] == [6, 6]


@given(winners=st.lists(st.sampled_from(list(Winner)), min_size=1, max_size=7), extra=st.data())
def test_neither_order_nor_repetition_of_votes_matters(winners, extra):
    """A judge who says the same twice has said it once."""
    given_votes = votes(*winners)
    again = [*given_votes, *extra.draw(st.permutations(given_votes))]

    assert settle_by_majority(tabulate_battles(again)) == settle_by_majority(
        tabulate_battles(given_votes)
    )


def test_without_a_judge_what_it_alone_judged_is_gone():
    """The rest is as it was."""
    matrix = tabulate_grades(
        [
            graded_judgment(VICUNA, judge="x", score=3),
            graded_judgment(VICUNA, judge="y", score=5),
            graded_judgment(ALPACA, judge="x", score=4),
        ]
    )
    left = matrix.without_judge("x")

    assert (left.judges, [unit.models for unit in left.units]) == (("y",), [(VICUNA,)])
    np.testing.assert_array_equal(left.values, [[5.0]])
