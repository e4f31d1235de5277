"""Choose the pairs of models that are compared on each question.

Each design lists a question's pairs once, with the two names in alphabetical order. The same
arguments give the same pairs. The order of the model names matters to `list_all_pairs` only.
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
    """Return, for each question, a ring through all models: each model meets two others.

    The rings are ordered so that K // 2 questions cover every pair of K models (Walecki's
    decomposition; Alspach 2008, Bulletin of the ICA 52). With a budget below K, each question gets
    that many consecutive pairs of its ring, and the next round of rings continues from there.

    Args:
        models: the names of the models.
        questions: the number of questions.
        seed: the seed of the order of the models on the rings.
        budget: the number of pairs per question; None takes whole rings.
    """
    order = random.Random(seed).sample(sorted(models), len(models))
    rings = _build_rings(order)
    if not rings:
        return [[] for _ in range(questions)]
    chosen = []
    for number in range(questions):
        lap, ring_number = divmod(number, len(rings))
        ring = rings[ring_number]
        length = len(ring) if budget is None else min(budget, len(ring))
        chosen.append([ring[(lap * length + step) % len(ring)] for step in range(length)])
    return chosen


def draw_random_pairs(
    models: Sequence[str], questions: int, seed: int, *, budget: int
) -> list[list[ModelPair]]:
    """Return random pairs for each question, drawn so that all models play about equally often.

    Each pair starts with the model that has played least. Its opponent is preferably one to which
    it is not yet connected, then one that has played least, then one that it has met least; random
    numbers break the remaining ties. K - 1 pairs therefore connect K models, over any number of
    questions.

    Args:
        models: the names of the models.
        questions: the number of questions.
        seed: the seed of the random numbers.
        budget: the number of pairs per question.
    """
    sampler = _RandomPairSampler(sorted(models), random.Random(seed))
    size = min(budget, len(models) * (len(models) - 1) // 2)
    return [sampler.draw(size) for _ in range(questions)]


class _RandomPairSampler:
    """Draws pairs; keeps the number of games by model and by pair, and the connected components."""

    def __init__(self, models: Sequence[str], rng: random.Random) -> None:
        self._rng = rng
        self._games_by_model = dict.fromkeys(models, 0)
        self._games_by_pair: dict[ModelPair, int] = dict.fromkeys(list_all_pairs(models), 0)
        self._component = {model: number for number, model in enumerate(models)}

    def draw(self, size: int) -> list[ModelPair]:
        """Return distinct pairs for one question."""
        drawn: list[ModelPair] = []
        for _ in range(size):
            drawn.append(self._draw_pair(set(drawn)))
        return drawn

    def _draw_pair(self, used: set[ModelPair]) -> ModelPair:
        available = [
            model
            for model in self._games_by_model
            if any(
                _order_names(model, other) not in used
                for other in self._games_by_model
                if other != model
            )
        ]
        model = min(available, key=lambda name: (self._games_by_model[name], self._rng.random()))
        opponents = [
            name
            for name in self._games_by_model
            if name != model and _order_names(model, name) not in used
        ]
        other = min(
            opponents, key=lambda name: (*self._rank_opponent(model, name), self._rng.random())
        )
        self._record(model, other)
        return _order_names(model, other)

    def _rank_opponent(self, model: str, other: str) -> tuple[bool, int, int]:
        """Return a sort key: the opponent with the smallest key is drawn first."""
        is_connected = self._component[model] == self._component[other]
        return (
            is_connected,
            self._games_by_model[other],
            self._games_by_pair[_order_names(model, other)],
        )

    def _record(self, model: str, other: str) -> None:
        kept, absorbed = self._component[model], self._component[other]
        for name, component in self._component.items():
            if component == absorbed:
                self._component[name] = kept
        self._games_by_model[model] += 1
        self._games_by_model[other] += 1
        self._games_by_pair[_order_names(model, other)] += 1


def _build_rings(order: Sequence[str]) -> list[list[ModelPair]]:
    """Return rings that together contain every pair; two models give one pair, one gives none."""
    if len(order) < 3:  # noqa: PLR2004 - fewer than three make no ring
        return [list_all_pairs(order)] if len(order) > 1 else []
    hub, rim = ([order[0]], order[1:]) if len(order) % 2 else ([], order)
    rings = []
    for turn in range(len(rim) // 2):
        # zigzag across the rim: turn, turn + 1, turn - 1, turn + 2, ...
        steps = ((step + 1) // 2 * (1 if step % 2 else -1) for step in range(len(rim)))
        ring = [*hub, *(rim[(turn + step) % len(rim)] for step in steps)]
        rings.append([_order_names(*pair) for pair in zip(ring, [*ring[1:], ring[0]], strict=True)])
    return rings


def _order_names(first: str, second: str) -> ModelPair:
    return min(first, second), max(first, second)
