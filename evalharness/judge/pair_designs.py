"""Which models meet on each question, when not all pairs can be judged.

All give each question's pairs once, names in alphabetical order; the same arguments, the same
pairs. The order in which the models are named does not matter, except to `all_pairs`.
"""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ModelPair = tuple[str, str]


def list_all_pairs(models: Sequence[str]) -> list[ModelPair]:
    """Return every pair of models, in the models' order."""
    return [_order_names(*pair) for pair in combinations(models, 2)]


def draw_chain_pairs(
    models: Sequence[str], questions: int, seed: int, *, budget: int | None = None
) -> list[list[ModelPair]]:
    """Return for each question a ring through all models: everyone meets two others.

    Rings follow one another so that K // 2 questions bring up every pair of K models (Walecki's
    decomposition; Alspach 2008, Bulletin of the ICA 52). With a budget below K, each question has
    that many consecutive pairs of its ring, and the next round of the rings goes on from there.
    """
    order = random.Random(seed).sample(sorted(models), len(models))
    rings = _build_rings(order)
    if not rings:
        return [[] for _ in range(questions)]
    chosen = []
    for number in range(questions):
        lap, place = divmod(number, len(rings))
        ring = rings[place]
        length = len(ring) if budget is None else min(budget, len(ring))
        chosen.append([ring[(lap * length + step) % len(ring)] for step in range(length)])
    return chosen


def draw_random_pairs(
    models: Sequence[str], questions: int, seed: int, *, budget: int
) -> list[list[ModelPair]]:
    """Return so many pairs a question, drawn so that all models play about equally often.

    Each pair is one of the model that has played least, with an opponent that it was not yet
    connected to, then one that has played least, then one that it has met least; chance decides
    what is left. So K - 1 pairs, over however many questions, connect K models.
    """
    draw = _RandomPairs(sorted(models), random.Random(seed))
    size = min(budget, len(models) * (len(models) - 1) // 2)
    return [draw.question(size) for _ in range(questions)]


class _RandomPairs:
    """What was drawn so far: how often models played and met, and which are connected."""

    def __init__(self, models: Sequence[str], rng: random.Random) -> None:
        self._rng = rng
        self._played = dict.fromkeys(models, 0)
        self._met: dict[ModelPair, int] = dict.fromkeys(list_all_pairs(models), 0)
        self._group = {model: number for number, model in enumerate(models)}

    def question(self, size: int) -> list[ModelPair]:
        """Return pairs for one question, none of them twice."""
        drawn: list[ModelPair] = []
        for _ in range(size):
            drawn.append(self._next(set(drawn)))
        return drawn

    def _next(self, used: set[ModelPair]) -> ModelPair:
        free = [
            model
            for model in self._played
            if any(
                _order_names(model, other) not in used for other in self._played if other != model
            )
        ]
        model = min(free, key=lambda name: (self._played[name], self._rng.random()))
        opponents = [
            name for name in self._played if name != model and _order_names(model, name) not in used
        ]
        other = min(opponents, key=lambda name: (*self._merit(model, name), self._rng.random()))
        self._note(model, other)
        return _order_names(model, other)

    def _merit(self, model: str, other: str) -> tuple[bool, int, int]:
        """Return what makes an opponent the next one, the smaller the sooner."""
        is_connected = self._group[model] == self._group[other]
        return is_connected, self._played[other], self._met[_order_names(model, other)]

    def _note(self, model: str, other: str) -> None:
        joined, absorbed = self._group[model], self._group[other]
        for name, group in self._group.items():
            if group == absorbed:
                self._group[name] = joined
        self._played[model] += 1
        self._played[other] += 1
        self._met[_order_names(model, other)] += 1


def _build_rings(order: Sequence[str]) -> list[list[ModelPair]]:
    """Return rings that together have every pair; two models are one pair, one has none."""
    if len(order) < 3:  # noqa: PLR2004 - fewer than three make no ring
        return [list_all_pairs(order)] if len(order) > 1 else []
    hub, rim = ([order[0]], order[1:]) if len(order) % 2 else ([], order)
    rings = []
    for turn in range(len(rim) // 2):
        # back and forth across the rim: turn, turn + 1, turn - 1, turn + 2, ...
        steps = ((step + 1) // 2 * (1 if step % 2 else -1) for step in range(len(rim)))
        ring = [*hub, *(rim[(turn + step) % len(rim)] for step in steps)]
        rings.append([_order_names(*pair) for pair in zip(ring, [*ring[1:], ring[0]], strict=True)])
    return rings


def _order_names(first: str, second: str) -> ModelPair:
    return min(first, second), max(first, second)
