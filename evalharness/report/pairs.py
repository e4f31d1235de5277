"""Pairs of models as seen from both sides, and whether one of the two is ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.leaderboard import PairRow

EVEN = 0.5


def both_sides(pairs: Sequence[PairRow]) -> dict[tuple[str, str], PairRow]:
    """Return every pair from each model's side, by the model and its opponent."""
    sides = [side for pair in pairs for side in (pair, _from_the_other_side(pair))]
    return {(pair.model_a, pair.model_b): pair for pair in sides}


def is_decided(pair: PairRow) -> bool:
    """Whether the interval of the win rate leaves out one half."""
    return (pair.low is not None and pair.low > EVEN) or (
        pair.high is not None and pair.high < EVEN
    )


def _from_the_other_side(pair: PairRow) -> PairRow:
    return replace(
        pair,
        model_a=pair.model_b,
        model_b=pair.model_a,
        win_rate=1 - pair.win_rate,
        low=None if pair.high is None else 1 - pair.high,
        high=None if pair.low is None else 1 - pair.low,
        wins=pair.losses,
        losses=pair.wins,
        better=None if pair.better is None else 1 - pair.better,
    )
