"""Figures as other tools count them: totals, preferences, labels found."""

from __future__ import annotations

import pytest
from builders import pairwise_judgment
from hypothesis import given
from hypothesis import strategies as st

from evalharness.domain import Verdict, Vote, Winner
from evalharness.stats import measure_label_accuracy, measure_preference_rates, sum_pair_scores


def _vote(question_id="81", *, judge="gpt-4", **message) -> Vote:
    return Vote(
        question_id=question_id,
        judge=judge,
        model_a="alpaca-7b",
        model_b="vicuna-13b",
        winner=message.pop("winner", Winner.TIE),
        digest=question_id,
        **message,
    )


def test_a_rate_is_the_mean_preference_with_its_standard_error():
    """Worked by hand: 0, 1 and a half have mean 1/2 and standard deviation 1/2."""
    rates = measure_preference_rates([_vote(preference=each) for each in (0.0, 1.0, 0.5)])

    assert [(rate.model, rate.baseline, rate.count) for rate in rates] == [
        ("vicuna-13b", "alpaca-7b", 3)
    ]
    assert rates[0].win_rate == 0.5
    assert rates[0].standard_error == pytest.approx(0.5 / 3**0.5)


def test_unscored_votes_enter_no_total():
    """It is counted separately."""
    unscored = _vote(winner=None, unscored="unscored_in_source")
    pair = sum_pair_scores([_vote(scores=(9.0, 8.5), winner=Winner.MODEL_A), unscored])[0]

    assert (pair.total_a, pair.total_b, pair.unscored) == (9.0, 8.5, 1)
    assert (pair.wins, pair.ties, pair.losses) == (0, 0, 1)


def test_a_single_preference_has_no_standard_error_and_a_total_of_zero_no_ratio():
    """What cannot be computed is absent, not 0."""
    assert measure_preference_rates([_vote(preference=0.3)])[0].standard_error is None
    assert sum_pair_scores([_vote(scores=(0.0, 0.0))])[0].ratio is None


def test_a_judge_is_right_if_it_prefers_the_labelled_answer():
    """A judge that is right in one order only has half of the games and none of the pairs."""
    gold = _vote(judge="gold", winner=Winner.MODEL_B)
    game = pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=Verdict.B)
    swapped = pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=Verdict.B)
    elsewhere = pairwise_judgment("alpaca-7b", "vicuna-13b", "82", verdict=Verdict.A)

    found = measure_label_accuracy([game, swapped, elsewhere], [gold])

    assert [(each.accuracy, each.games, each.both, each.pairs) for each in found] == [
        (0.5, 2, 0.0, 1)
    ]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_rates_stay_between_none_and_all(preferences):
    """A mean of shares is a share."""
    rate = measure_preference_rates([_vote(preference=each) for each in preferences])[0]

    assert 0 <= rate.win_rate <= 1
    assert rate.standard_error >= 0


def test_votes_without_figures_give_none():
    """Plain votes are left to ratings and win rates."""
    assert sum_pair_scores([_vote()]) == ()
    assert measure_preference_rates([_vote()]) == ()
    assert measure_label_accuracy([pairwise_judgment()], [_vote()]) == ()
