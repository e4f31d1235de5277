"""Compare win rates of two models against the opponents that both met, before the same judges."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats import build_comparisons_from_battles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle
    from evalharness.stats import Comparisons


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonBattles:
    """The battles of two models that can be compared.

    Attributes:
        comparisons: the battles. For each judge and opponent, the battles of both models have the
            same total weight, so that neither gains by having met a weak opponent more often.
        opponents: the number of other models that both met.
    """

    comparisons: Comparisons
    opponents: int


def list_common_battles(battles: Sequence[Battle], pair: tuple[str, str]) -> tuple[Battle, ...]:
    """Return the battles between two models, and those against opponents that both met.

    A common opponent is one that both met under the same judge.

    Args:
        battles: the settled battles of a run, of each judge by itself.
        pair: the two models.
    """
    met = _count_oppositions(battles, pair)
    return tuple(
        battle
        for battle in battles
        if set(battle.models) == set(pair)
        or any(
            all(met[each, *_opposition(battle, name)] for each in pair)
            for name in set(battle.models) & set(pair)
        )
    )


def select_common_battles(battles: Sequence[Battle], pair: tuple[str, str]) -> CommonBattles | None:
    """Return the battles of two models against common opponents, and those between the two.

    Args:
        battles: the settled battles of a run.
        pair: the two models.

    Returns:
        The battles; None if the models met neither each other nor a common opponent under the
        same judge.
    """
    kept = list_common_battles(battles, pair)
    if not kept:
        return None
    met = _count_oppositions(kept, pair)
    weights = []
    for battle in kept:
        if set(battle.models) == set(pair):
            weights.append(1.0)
            continue
        name = next(name for name in pair if name in battle.models)
        opposition = _opposition(battle, name)
        numbers = [met[each, *opposition] for each in pair]
        weights.append(sum(numbers) / 2 / met[name, *opposition])
    comparisons = build_comparisons_from_battles(kept)
    return CommonBattles(
        comparisons=replace(comparisons, weight=np.array(weights)),
        opponents=len({opponent for _, _, opponent in met} - set(pair)),
    )


def _count_oppositions(
    battles: Sequence[Battle], pair: tuple[str, str]
) -> Counter[tuple[str, str, str]]:
    """Return how often each of two models met each opponent before each judge."""
    return Counter(
        (name, *_opposition(battle, name))
        for battle in battles
        for name in pair
        if name in battle.models
    )


def _opposition(battle: Battle, model: str) -> tuple[str, str]:
    """Return the judge of a battle and the opponent of a model in it."""
    other = battle.model_b if battle.model_a == model else battle.model_a
    return battle.judge, other
