"""The judgments of several judges: each judge has one value per unit."""

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


def battles_with_winners(*winners):
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
def test_more_than_half_of_the_judges_decide_a_battle(winners, majority):
    """A tie stays a tie, and split votes are a tie."""
    (found,) = settle_by_majority(tabulate_battles(battles_with_winners(*winners)))

    assert found.winner is majority


def test_a_grade_is_the_mean_over_judges_not_over_rows():
    """A judge that graded with two prompts weighs as much as one with a single prompt."""
    graded = [
        graded_judgment(score=8, judge="twice"),
        graded_judgment(score=4, judge="twice"),
        graded_judgment(score=9, judge="once"),
        graded_judgment(score=None, unscored="no_number", judge="silent"),
    ]
    (found,) = average_grades(tabulate_grades(graded))

    assert (found.score, found.model, found.question_id) == (7.5, VICUNA, "81")


def test_grades_of_different_turns_samples_and_models_stay_separate():
    """Only grades of the same answer at the same turn are averaged."""
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


def test_the_order_of_a_pairs_models_does_not_matter():
    """Outcomes are converted to the alphabetical order of the models."""
    battles = [
        battle(VICUNA, ALPACA, winner=A, judge="x"),
        battle(ALPACA, VICUNA, winner=B, judge="y"),
    ]
    (found,) = settle_by_majority(tabulate_battles(battles))

    assert (found.model_a, found.model_b, found.winner) == (ALPACA, VICUNA, B)


def test_judges_that_did_not_grade_every_model_are_left_out_of_that_question():
    """Otherwise a severe judge would lower the models that it did grade."""
    graded = [graded_judgment(model, judge="whole", score=6) for model in (VICUNA, ALPACA)]
    graded.append(graded_judgment(VICUNA, judge="partial", score=1))
    found = average_grades(tabulate_grades(graded).keep_fully_graded())

    assert [grade.score for grade in found] == [6, 6]


@given(winners=st.lists(st.sampled_from(list(Winner)), min_size=1, max_size=7), extra=st.data())
def test_neither_order_nor_repetition_of_votes_matters(winners, extra):
    """A judge that repeats its votes still has one value."""
    given_votes = battles_with_winners(*winners)
    again = [*given_votes, *extra.draw(st.permutations(given_votes))]

    assert settle_by_majority(tabulate_battles(again)) == settle_by_majority(
        tabulate_battles(given_votes)
    )


def test_a_matrix_without_a_judge_has_no_units_that_it_alone_judged():
    """All other values are unchanged."""
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
