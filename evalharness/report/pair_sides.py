"""Index pairs of models from both sides, and decide whether one of the two is ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import ModelPairRow

EVEN_WIN_RATE = 0.5


def index_pairs_both_ways(pairs: Sequence[ModelPairRow]) -> dict[tuple[str, str], ModelPairRow]:
    """Return every pair from each model's side; the keys are (model, opponent)."""
    sides = [side for pair in pairs for side in (pair, _swap_sides(pair))]
    return {(pair.model_a, pair.model_b): pair for pair in sides}


def is_decided_pair(pair: ModelPairRow) -> bool:
    """Return whether the interval of the win rate excludes one half."""
    return (pair.low is not None and pair.low > EVEN_WIN_RATE) or (
        pair.high is not None and pair.high < EVEN_WIN_RATE
    )


def _swap_sides(pair: ModelPairRow) -> ModelPairRow:
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
