"""Battles counted: all that a fit needs of them, however many there are.

A cell is what can happen in a battle: which model came first, which second, and the outcome.
Ratings depend on battles only through the cells' counts, and their covariance through the counts
of each question (or, where every battle stands alone, through the cells' squared weights). One
pass over the battles is enough; what follows costs the same for a thousand battles or for 10^8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array

from evalharness.stats.battles.comparisons import BattleOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.stats.arrays import FloatArray, IntArray

_OUTCOMES = len(BattleOutcome)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BattleCounts:
    """Battles summed by cell; made by `count` and `counted`, or by a `Tally`.

    `first` and `second` are places in `models`: the ordered pairs that met, each once. `number`,
    `weight` and `square` have a row a pair and a column an `Outcome`: battles, their weights'
    sum, and that of their squared weights. `by_question` has a row a question and a column a cell
    (pair by pair, outcome by outcome) and holds weights; None where battles stand alone.
    """

    models: tuple[str, ...]
    first: IntArray
    second: IntArray
    number: IntArray
    weight: FloatArray
    square: FloatArray
    by_question: csr_array | None = None

    @property
    def clustered_by(self) -> Literal["question", "battle"]:
        """What may depend on each other: the battles of a question, or none."""
        return "battle" if self.by_question is None else "question"

    @property
    def clusters(self) -> int:
        """How many questions there are, or battles where they stand alone."""
        return int(self.number.sum() if self.by_question is None else self.by_question.shape[0])

    @property
    def battles(self) -> IntArray:
        """How many battles each model fought, on either side."""
        size, fought = len(self.models), self.number.sum(axis=1)
        both = np.bincount(self.first, fought, size) + np.bincount(self.second, fought, size)
        return both.astype(np.int64)


def merge_pair_orders(counts: BattleCounts) -> BattleCounts:
    """Return counts in which each pair stands once, the model earlier in `models` first.

    For what does not depend on who came first: a swapped pair's win is the other's loss.
    """
    size, swapped = len(counts.models), counts.first > counts.second
    first, second = np.sort([counts.first, counts.second], axis=0)
    pairs, row = np.unique(first * size + second, return_inverse=True)
    outcome = np.where(swapped[:, None], np.arange(_OUTCOMES)[::-1], np.arange(_OUTCOMES))
    cell = (row[:, None] * _OUTCOMES + outcome).ravel()

    def summed(values: FloatArray) -> FloatArray:
        sums: FloatArray = np.zeros(_OUTCOMES * len(pairs))
        np.add.at(sums, cell, values.ravel())
        return sums.reshape(-1, _OUTCOMES)

    by_question = counts.by_question
    if by_question is not None:
        held = by_question.tocoo()
        by_question = csr_array(
            (held.data, (held.row, cell[held.col])), shape=(held.shape[0], _OUTCOMES * len(pairs))
        )
    return replace(
        counts,
        first=pairs // size,
        second=pairs % size,
        number=summed(counts.number.astype(np.float64)).astype(np.int64),
        weight=summed(counts.weight),
        square=summed(counts.square),
        by_question=by_question,
    )


def rename_models(counts: BattleCounts, names: Sequence[str]) -> BattleCounts:
    """Return counts under other names of the models, in order of these names."""
    order = sorted(range(len(names)), key=lambda place: names[place])
    place = np.argsort(order)
    return replace(
        counts,
        models=tuple(names[old] for old in order),
        first=place[counts.first],
        second=place[counts.second],
    )
