"""Two games are settled into a battle, and pairs of games show the position bias."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from builders import pairwise_judgment
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.domain import Verdict, Winner
from evalharness.judge import PositionCounts, count_positions, settle_battle, settle_battles

verdicts = st.none() | st.sampled_from(Verdict)


def both_orders(first: Verdict | None, second: Verdict | None, **settings):
    """Return a game and its swap with these verdicts."""
    return (
        pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=first, **settings),
        pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=second, **settings),
    )


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        (Verdict.A, Verdict.B, Winner.MODEL_A),
        (Verdict.B, Verdict.A, Winner.MODEL_B),
        (Verdict.A, Verdict.A, Winner.TIE),
        (Verdict.B, Verdict.B, Winner.TIE),
        (Verdict.TIE, Verdict.TIE, Winner.TIE),
        (Verdict.A, Verdict.TIE, Winner.TIE),
        (Verdict.TIE, Verdict.B, Winner.TIE),
        (Verdict.TIE, Verdict.A, Winner.TIE),
        (Verdict.B, Verdict.TIE, Winner.TIE),
    ],
)
def test_a_model_wins_only_when_preferred_in_both_positions(first, second, winner):
    """Position bias alone lets neither model win; the models are those of the first game."""
    battle = settle_battle(*both_orders(first, second, turn=2, sample=1))

    assert battle is not None
    assert battle.winner is winner
    assert (battle.model_a, battle.model_b) == ("alpaca-7b", "vicuna-13b")
    assert (battle.question_id, battle.turn, battle.sample) == ("81", 2, 1)


def _read(a: float, b: float, tie: float, *, verdict: Verdict = Verdict.A, swapped: bool):
    names = ("vicuna-13b", "alpaca-7b") if swapped else ("alpaca-7b", "vicuna-13b")
    game = pairwise_judgment(*names, verdict=verdict)
    return replace(game, probabilities={"A": a, "B": b, "tie": tie})


@pytest.mark.parametrize(
    ("game", "swapped", "winner"),
    [
        ((0.8, 0.1, 0.1), (0.6, 0.3, 0.1), Winner.MODEL_A),  # both lean to A: the stronger counts
        ((0.6, 0.3, 0.1), (0.8, 0.1, 0.1), Winner.MODEL_B),
        ((0.7, 0.2, 0.1), (0.7, 0.2, 0.1), Winner.TIE),  # nothing but position bias
        ((0.3, 0.2, 0.5), (0.2, 0.3, 0.5), Winner.TIE),
    ],
)
def test_probabilities_are_averaged_over_both_orders(game, swapped, winner):
    """The position bias cancels out, and the rest decides."""
    battle = settle_battle(_read(*game, swapped=False), _read(*swapped, swapped=True))

    assert battle is not None
    assert battle.winner is winner


@pytest.mark.parametrize(("first", "second"), list(product(Verdict, repeat=2)))
def test_certain_probabilities_settle_like_words(first, second):
    """A judge that is certain of its verdict gets the same battle however it is read."""
    games = both_orders(first, second)
    certain = [
        replace(
            game, probabilities={verdict: float(game.verdict is verdict) for verdict in Verdict}
        )
        for game in games
    ]

    assert settle_battle(*certain) == settle_battle(*games)


@pytest.mark.parametrize(("first", "second"), [(None, Verdict.A), (Verdict.A, None), (None, None)])
def test_an_unscored_game_makes_no_battle(first, second):
    """Half a comparison is not a tie."""
    game, swapped = both_orders(first, second)

    assert settle_battle(game, swapped) is None
    assert settle_battles([game, swapped]) == ()


@pytest.mark.parametrize(
    "other",
    [
        pairwise_judgment("alpaca-7b", "vicuna-13b"),
        pairwise_judgment("vicuna-13b", "koala-13b"),
        pairwise_judgment("vicuna-13b", "alpaca-7b", turn=2),
        pairwise_judgment("vicuna-13b", "alpaca-7b", sample=1),
        pairwise_judgment("vicuna-13b", "alpaca-7b", "82"),
        pairwise_judgment("vicuna-13b", "alpaca-7b", judge="gpt-4o"),
    ],
)
def test_games_that_are_no_pair_are_refused_and_not_paired(other):
    """Only the order of the answers may differ."""
    game = pairwise_judgment("alpaca-7b", "vicuna-13b")

    with pytest.raises(ValueError, match="not one game with its answers swapped"):
        settle_battle(game, other)
    assert settle_battles([game, other]) == ()


@settings(deadline=None)
@given(st.lists(st.tuples(verdicts, verdicts), max_size=6), st.randoms())
def test_the_order_of_games_does_not_matter(pairs, rng):
    """Games are written as they finish, which differs from run to run."""
    games = [
        game
        for number, (first, second) in enumerate(pairs)
        for game in both_orders(first, second, question_id=str(number))
    ]
    shuffled = rng.sample(games, len(games))

    battles = settle_battles(games)

    assert settle_battles(shuffled) == battles
    assert count_positions(shuffled) == count_positions(games)
    assert len(battles) == sum(None not in pair for pair in pairs)


def test_a_battles_models_are_in_alphabetical_order():
    """A pair has one name, independent of the order of its games."""
    game, swapped = both_orders(Verdict.A, Verdict.B)

    for games in ([game, swapped], [swapped, game]):
        (battle,) = settle_battles(games)
        assert (battle.model_a, battle.winner) == ("alpaca-7b", Winner.MODEL_A)


def test_a_model_does_not_battle_itself():
    """A game of a model against itself is its own swap and compares no two models."""
    assert settle_battles([pairwise_judgment("vicuna-13b", "vicuna-13b")]) == ()


def test_of_duplicate_games_the_later_counts():
    """Files are appended to, so a later judgment replaces an earlier one."""
    before, swapped = both_orders(Verdict.TIE, Verdict.B)
    again, _ = both_orders(Verdict.A, None)

    (battle,) = settle_battles([before, swapped, again])

    assert battle.winner is Winner.MODEL_A


def test_every_pair_of_verdicts_is_counted_once():
    """Of all nine pairs, three are consistent, two follow the position, four are half a tie."""
    games = [
        game
        for number, (first, second) in enumerate(product(Verdict, repeat=2))
        for game in both_orders(first, second, question_id=str(number))
    ]

    assert count_positions(games) == PositionCounts(consistent=3, first=1, second=1, half_tie=4)


def test_pairs_with_an_unscored_game_show_no_preference_for_a_place():
    """A pair without two decisions is counted nowhere."""
    assert count_positions(both_orders(Verdict.A, None)) == PositionCounts()


def test_wins_of_the_first_and_second_position_are_counted_separately():
    """Of three pairs decided by position, the first position won two."""
    first, second = (Verdict.A, Verdict.A), (Verdict.B, Verdict.B)
    games = [
        game
        for number, pair in enumerate([first, second, first])
        for game in both_orders(*pair, question_id=str(number))
    ]

    assert count_positions(games) == PositionCounts(first=2, second=1)
