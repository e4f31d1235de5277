"""Battles counted: all that a fit needs of them, however many there are.

A cell is what can happen in a battle: which model came first, which second, and the outcome.
Ratings depend on battles only through the cells' counts, and their covariance through the counts
of each question (or, where every battle stands alone, through the cells' squared weights). One
pass over the battles is enough; what follows costs the same for a thousand battles or for 10^8.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from evalharness.errors import BattlesError
from evalharness.stats.comparisons import Comparisons, FloatArray, IntArray, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHUNK = 1 << 18
"""Battles counted at a time: their arrays stay in the processor's cache."""

_DENSE = 1 << 22
"""Up to so many possible cells, each has a place of its own in an array while counting."""

_OUTCOMES = len(Outcome)
_STRIDE = 1 << 30
"""More models than this cannot be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """Battles summed by cell; made by `count`, by a `Tally`, or by `counted` of comparisons.

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


def count(
    models: Sequence[str],
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    question: npt.ArrayLike | None = None,
) -> Counts:
    """Return battles counted by cell, in one pass that copies none of the arrays.

    Args:
        models: the models' names.
        first: each battle's first model, as a place in `models`; integers of any width.
        second: each battle's second model.
        outcome: each battle's `Outcome`.
        weight: how much each battle counts; 1 where not given. Battles of weight 0 do not count.
        question: each battle's question, as a number from 0 up; battles of one question are one
            cluster.

    Raises:
        BattlesError: there is nothing to compare, or an entry makes no sense.
    """
    tally = Tally()
    tally.add(first, second, outcome, weight=weight, question=question)
    return tally.counts(models)


def folded(counts: Counts) -> Counts:
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


def counted(battles: Comparisons | Counts) -> Counts:
    """Return battles counted, as they may be already."""
    if isinstance(battles, Counts):
        return battles
    question = None
    if battles.clustered_by == "question":
        question = np.unique(battles.cluster, return_inverse=True)[1]
    return count(
        battles.models,
        battles.first,
        battles.second,
        battles.outcome,
        weight=battles.weight,
        question=question,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Cells that some battles filled, by code; and by question, where these are known."""

    code: IntArray
    number: IntArray
    weight: FloatArray
    square: FloatArray
    by_question: tuple[IntArray, IntArray, FloatArray] | None


@dataclass(slots=True)
class Tally:
    """Counts battles that come in batches, as those of a file larger than memory do."""

    _parts: list[_Part] = field(default_factory=list)

    def add(
        self,
        first: npt.ArrayLike,
        second: npt.ArrayLike,
        outcome: npt.ArrayLike,
        *,
        weight: npt.ArrayLike | None = None,
        question: npt.ArrayLike | None = None,
    ) -> None:
        """Count a batch; arguments and errors are those of `count`."""
        batch = _checked(first, second, outcome, weight, question)
        if len(batch.first):
            self._parts.append(_count_batch(batch))

    def counts(self, models: Sequence[str]) -> Counts:
        """Return what was counted, over models whose places the batches named.

        Raises:
            BattlesError: nothing was counted, or a place or name makes no sense.
        """
        if not self._parts:
            msg = "there are no battles to count: give at least one of positive weight"
            raise BattlesError(msg)
        code = _union([part.code for part in self._parts])
        pair, outcome = np.divmod(code, _OUTCOMES)
        opens = np.diff(pair, prepend=-1) > 0
        first, second = np.divmod(pair[opens], _STRIDE)
        _refuse_places(models, first, second)
        place = (np.cumsum(opens) - 1) * _OUTCOMES + outcome
        cells = [place[np.searchsorted(code, part.code)] for part in self._parts]
        sums = np.zeros((3, _OUTCOMES * len(first)))
        for cell, part in zip(cells, self._parts, strict=True):
            sums[:, cell] += part.number, part.weight, part.square
        number, weight, square = sums.reshape(3, -1, _OUTCOMES)
        return Counts(
            models=tuple(models),
            first=first,
            second=second,
            number=number.astype(np.int64),
            weight=weight,
            square=square,
            by_question=_by_question(self._parts, code, place, number.size),
        )


def _union(codes: Sequence[IntArray]) -> IntArray:
    """Return the sorted union of sorted arrays, each without repeats."""
    return codes[0] if len(codes) == 1 else np.unique(np.concatenate(codes))


def _by_question(
    parts: Sequence[_Part], code: IntArray, place: IntArray, width: int
) -> csr_array | None:
    known = [part.by_question for part in parts if part.by_question is not None]
    if not known:
        return None
    if len(known) < len(parts):
        msg = "some of the battles have a question and some have none"
        raise BattlesError(msg)
    questions, codes, weights = (np.concatenate(column) for column in zip(*known, strict=True))
    cells = place[np.searchsorted(code, codes)]
    labels, row = np.unique(questions, return_inverse=True)
    return csr_array((weights, (row, cells)), shape=(len(labels), width))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Batch:
    """Checked columns of battles of positive weight; `size` is beyond the last place named."""

    first: IntArray
    second: IntArray
    outcome: IntArray
    weight: FloatArray | None
    question: IntArray | None
    size: int

    def cells(self, piece: slice = slice(None)) -> IntArray:
        """Return the number of each battle's cell among all that `size` models could fill."""
        cell = self.first[piece].astype(np.int64)
        cell *= self.size
        cell += self.second[piece]
        cell *= _OUTCOMES
        cell += self.outcome[piece]
        return cell


def _count_batch(batch: _Batch) -> _Part:
    size = batch.size
    dense = _OUTCOMES * size**2
    if dense <= max(_DENSE, len(batch.first)):
        codes, place = _code(np.arange(dense), size), None
    else:
        cells, place = np.unique(batch.cells(), return_inverse=True)
        codes = _code(cells, size)
    number = np.zeros(len(codes), dtype=np.int64)
    weight, square = np.zeros((2, len(codes)))
    for start in range(0, len(batch.first), _CHUNK):
        piece = slice(start, start + _CHUNK)
        where = batch.cells(piece) if place is None else place[piece]
        number += np.bincount(where, minlength=len(codes))
        if batch.weight is not None:
            weights = batch.weight[piece]
            weight += np.bincount(where, weights, len(codes))
            square += np.bincount(where, weights**2, len(codes))
    seen = np.flatnonzero(number)
    return _Part(
        code=codes[seen],
        number=number[seen],
        weight=(number if batch.weight is None else weight)[seen].astype(np.float64),
        square=(number if batch.weight is None else square)[seen].astype(np.float64),
        by_question=_question_cells(batch, codes, place),
    )


def _code(cells: IntArray, size: int) -> IntArray:
    """Return numbers of cells that do not depend on how many models a batch names."""
    pair, outcome = np.divmod(cells, _OUTCOMES)
    first, second = np.divmod(pair, size)
    code: IntArray = (first * _STRIDE + second) * _OUTCOMES + outcome
    return code


def _question_cells(
    batch: _Batch, codes: IntArray, place: IntArray | None
) -> tuple[IntArray, IntArray, FloatArray] | None:
    """Return questions, codes of cells and weights, each question's cell once."""
    if batch.question is None:
        return None
    column = batch.cells() if place is None else place
    weight = np.ones(len(column)) if batch.weight is None else batch.weight
    found = csr_array((weight, (batch.question, column))).tocoo()
    return found.row.astype(np.int64), codes[found.col], found.data


def _checked(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    outcome: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    question: npt.ArrayLike | None,
) -> _Batch:
    columns = {"first": np.asarray(first), "second": np.asarray(second)}
    columns["outcome"] = np.asarray(outcome)
    if question is not None:
        columns["question"] = np.asarray(question)
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)
    shapes = {column.shape for column in columns.values()}
    shapes |= set() if weights is None else {weights.shape}
    if len(shapes) > 1 or columns["first"].ndim != 1:
        msg = f"the arrays of the battles have different lengths: {sorted(shapes)}"
        raise BattlesError(msg)
    largest = {name: _largest(name, column) for name, column in columns.items()}
    if largest["outcome"] >= _OUTCOMES:
        msg = f"outcomes are {[int(outcome) for outcome in Outcome]}, twice the first's points"
        raise BattlesError(msg)
    batch = _Batch(
        first=columns["first"],
        second=columns["second"],
        outcome=columns["outcome"],
        weight=weights,
        question=columns.get("question"),
        size=1 + max(largest["first"], largest["second"]),
    )
    return batch if weights is None else _of_positive_weight(batch, weights)


def _largest(name: str, column: npt.NDArray[np.generic]) -> int:
    """Return the largest of the numbers from 0 up that a column holds; -1 where it is empty."""
    if not column.size:
        return -1
    if not np.issubdtype(column.dtype, np.integer):
        msg = f"the column {name} holds {column.dtype}, not integers"
        raise BattlesError(msg)
    if column.min() < 0:
        msg = f"the column {name} holds {column.min()}: numbers start at 0"
        raise BattlesError(msg)
    return int(column.max())


def _of_positive_weight(batch: _Batch, weights: FloatArray) -> _Batch:
    sound = np.isfinite(weights) & (weights >= 0)
    if not sound.all():
        place = int(np.flatnonzero(~sound)[0])
        msg = f"battle {place} has weight {weights[place]}: weights are numbers from 0 up"
        raise BattlesError(msg)
    kept = weights > 0
    if kept.all():
        return batch
    return replace(
        batch,
        first=batch.first[kept],
        second=batch.second[kept],
        outcome=batch.outcome[kept],
        weight=weights[kept],
        question=None if batch.question is None else batch.question[kept],
    )


def _refuse_places(models: Sequence[str], first: IntArray, second: IntArray) -> None:
    if len(set(models)) != len(models):
        msg = "two models have the same name"
        raise BattlesError(msg)
    if max(first.max(), second.max()) >= len(models):
        msg = f"a battle names a model outside 0..{len(models) - 1}"
        raise BattlesError(msg)
    same = np.flatnonzero(first == second)
    if same.size:
        msg = f"a battle sets {models[first[same[0]]]} against itself"
        raise BattlesError(msg)
