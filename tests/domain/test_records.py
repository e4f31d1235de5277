"""The records of a run say which models they are about."""

from __future__ import annotations

from builders import battle, graded_judgment, pairwise_judgment

from evalharness.domain import Failure, RunStage, Vote, Winner
from evalharness.errors import TransientError


def test_a_judgments_models_are_in_the_order_shown():
    """A game and its swap are about the same models, in the opposite order."""
    game = pairwise_judgment("vicuna-13b", "alpaca-7b")
    swapped = pairwise_judgment("alpaca-7b", "vicuna-13b")

    assert graded_judgment("vicuna-13b").models == ("vicuna-13b",)
    assert game.models == ("vicuna-13b", "alpaca-7b") == swapped.models[::-1]
    assert game.is_swap_of(swapped)


def test_a_vote_and_its_battle_have_the_same_models():
    """The conversion keeps the order of the models."""
    vote = Vote(
        question_id="81",
        judge="people",
        model_a="vicuna-13b",
        model_b="alpaca-7b",
        winner=Winner.TIE,
        digest="1",
    )

    assert vote.battle is not None
    assert vote.models == vote.battle.models == battle("vicuna-13b", "alpaca-7b").models


def test_a_failure_keeps_the_reason_the_message_and_the_attempts_of_its_error():
    """The row has all details of the error, so that no log is needed."""
    error = TransientError("the server's words", reason="http_429", attempts=8)

    row = Failure.from_error(
        error, stage=RunStage.JUDGE, key="k", model="judge", question_id="81", turn=2
    )

    assert (row.reason, row.detail, row.attempts) == ("http_429", "the server's words", 8)
    assert (row.stage, row.key, row.model) == (RunStage.JUDGE, "k", "judge")
    assert (row.question_id, row.turn) == ("81", 2)
