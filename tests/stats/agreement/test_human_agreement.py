"""Agreement of judges with groups of people, and of people among themselves."""

from __future__ import annotations

import numpy as np
from builders import battle

from evalharness.domain import Winner
from evalharness.stats import measure_human_agreement

A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE


def _votes(judge, *winners, turn=1):
    return [
        battle(question_id=f"q{number}", winner=winner, judge=judge, turn=turn)
        for number, winner in enumerate(winners)
    ]


def test_votes_are_compared_with_each_group_of_people():
    """By hand: of four pairs two are equal; of the three without a tie, two."""
    votes = [*_votes("judge", A, A, B, B), *_votes("human:expert_1", A, B, B, TIE)]

    (row,) = measure_human_agreement(votes, np.random.default_rng(0), replicates=50)

    assert (row.judge, row.people, row.turn) == ("judge", "human:expert", 1)
    assert (row.with_ties.agreed, row.with_ties.count) == (2, 4)
    assert row.decided is not None
    assert (row.decided.agreed, row.decided.count) == (2, 3)


def test_people_are_compared_with_each_other_within_their_group():
    """Experts agree with experts; a group of another name is separate."""
    votes = [
        *_votes("human:expert_1", A, A),
        *_votes("human:expert_2", A, B),
        *_votes("human:author_1", B, B),
    ]

    rows = measure_human_agreement(votes, np.random.default_rng(0), replicates=50)

    assert [(row.judge, row.people) for row in rows] == [("human:expert", "human:expert")]
    assert (rows[0].with_ties.agreed, rows[0].with_ties.count) == (1, 2)


def test_turns_are_separate_and_no_common_battles_give_no_result():
    """A vote on the first turn is no vote on the second."""
    votes = [*_votes("judge", A, turn=1), *_votes("human:expert_1", A, turn=2)]

    assert measure_human_agreement(votes, np.random.default_rng(0)) == ()


def test_only_ties_leave_no_decided_figure():
    """A missing figure is None, not 0."""
    votes = [*_votes("judge", TIE, A), *_votes("human:expert_1", A, TIE)]

    (row,) = measure_human_agreement(votes, np.random.default_rng(0), replicates=50)

    assert row.decided is None
    assert row.with_ties.agreed == 0
