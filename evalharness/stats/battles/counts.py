"""Represent battles by their counts: the sufficient statistics of a fit.

A cell is a combination of a first model, a second model and an outcome. Ratings depend on battles
only through the counts of the cells. Their covariance depends on the counts of each question or,
where each battle is a cluster, on the squared weights of the cells. After one pass over the
battles, a fit costs the same for a thousand battles as for 10^8.
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
    """Battles summed by cell; made by `count_comparisons`, `ensure_counts` or a `BattleTally`.

    Attributes:
        models: the names of the models.
        first: the first model of each ordered pair that met, as an index into `models`.
        second: the second model of each pair.
        number: the number of battles, by pair (row) and `BattleOutcome` (column).
        weight: the sum of the weights, in the same shape.
        square: the sum of the squared weights, in the same shape.
        by_question: weights by question (row) and cell (column: pair by pair, outcome by
            outcome); None if each battle is a cluster.
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
        """What a cluster is; battles of one cluster may depend on each other."""
        return "battle" if self.by_question is None else "question"

    @property
    def clusters(self) -> int:
        """The number of questions, or of battles if each battle is a cluster."""
        return int(self.number.sum() if self.by_question is None else self.by_question.shape[0])

    @property
    def battles(self) -> IntArray:
        """The number of battles of each model, in either position."""
        size, number = len(self.models), self.number.sum(axis=1)
        by_model = np.bincount(self.first, number, size) + np.bincount(self.second, number, size)
        return by_model.astype(np.int64)


def merge_pair_orders(counts: BattleCounts) -> BattleCounts:
    """Return counts with one row for each unordered pair, the model earlier in `models` first.

    A win of a swapped pair becomes a loss, so the result does not show positions.
    """
    size, swapped = len(counts.models), counts.first > counts.second
    first, second = np.sort([counts.first, counts.second], axis=0)
    pairs, row = np.unique(first * size + second, return_inverse=True)
    outcome = np.where(swapped[:, None], np.arange(_OUTCOMES)[::-1], np.arange(_OUTCOMES))
    cell = (row[:, None] * _OUTCOMES + outcome).ravel()

    def sum_cells(values: FloatArray) -> FloatArray:
        sums: FloatArray = np.zeros(_OUTCOMES * len(pairs))
        np.add.at(sums, cell, values.ravel())
        return sums.reshape(-1, _OUTCOMES)

    by_question = counts.by_question
    if by_question is not None:
        entries = by_question.tocoo()
        by_question = csr_array(
            (entries.data, (entries.row, cell[entries.col])),
            shape=(entries.shape[0], _OUTCOMES * len(pairs)),
        )
    return replace(
        counts,
        first=pairs // size,
        second=pairs % size,
        number=sum_cells(counts.number.astype(np.float64)).astype(np.int64),
        weight=sum_cells(counts.weight),
        square=sum_cells(counts.square),
        by_question=by_question,
    )


def sort_counts(counts: BattleCounts, names: Sequence[str]) -> BattleCounts:
    """Return counts in an order that does not depend on the order of the battles.

    Random draws for models, pairs and questions are then the same for the same battles. Questions
    have no names here: those with different battles are in the order of a random projection of
    their battles, and those with the same battles are interchangeable.

    Args:
        counts: the counts.
        names: the names of the models, which are sorted.
    """
    order = sorted(range(len(names)), key=lambda place: names[place])
    place = np.argsort(order)
    first, second = place[counts.first], place[counts.second]
    pairs = np.lexsort((second, first))
    by_question = counts.by_question
    if by_question is not None:
        new_row = np.argsort(pairs)
        columns = new_row[by_question.indices // _OUTCOMES] * _OUTCOMES
        columns += by_question.indices % _OUTCOMES
        by_question = csr_array(
            (by_question.data, columns, by_question.indptr), shape=by_question.shape
        )
        projection = by_question @ np.random.default_rng(0).random(by_question.shape[1])
        by_question = by_question[np.argsort(projection, kind="stable")]
    return replace(
        counts,
        models=tuple(names[old] for old in order),
        first=first[pairs],
        second=second[pairs],
        number=counts.number[pairs],
        weight=counts.weight[pairs],
        square=counts.square[pairs],
        by_question=by_question,
    )


def normalize_weights(counts: BattleCounts) -> BattleCounts:
    """Return counts with weights whose sum is the effective number of battles (Kish 1965).

    Equal weights become 1. The variance of the scores can then be compared with the information,
    and a penalty means the same whatever the unit of the weights.
    """
    total, square = float(counts.weight.sum()), float(counts.square.sum())
    if total == square:
        return counts
    scale = total / square
    return replace(
        counts,
        weight=scale * counts.weight,
        square=scale**2 * counts.square,
        by_question=None if counts.by_question is None else scale * counts.by_question,
    )
