"""Counting of battles in batches, for files that are larger than memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from evalharness.errors import BattlesError
from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.battles.counts import BattleCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.stats.arrays import FloatArray, IntArray

_BATTLES_PER_CHUNK = 1 << 18
"""Battles counted at a time: their arrays fit the processor's cache."""

_MAX_DENSE_CELLS = 1 << 22
"""Up to this number of possible cells, counting uses an array with an entry for each."""

_MAX_INT32_CELLS = 1 << 31
"""Cell numbers below this limit are 32-bit: half the memory, two thirds of the time."""

_OUTCOMES = len(BattleOutcome)
_MAX_MODELS = 1 << 30
"""The largest number of models; the code of a pair is first * _MAX_MODELS + second."""


Codes = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedColumn:
    """A column of a batch as codes, with the model's place or the `BattleOutcome` of each code."""

    codes: Codes
    places: IntArray

    @property
    def decoded(self) -> IntArray:
        """The place or outcome of each battle."""
        return self.places[self.codes]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CellCounts:
    """The counts of a batch's cells, by code; and weights by question (row) and cell (column)."""

    code: IntArray
    number: FloatArray
    weight: FloatArray
    square: FloatArray
    by_question: coo_array | None


@dataclass(slots=True)
class BattleTally:
    """Counts battles batch by batch, for files that are larger than memory."""

    _parts: list[_CellCounts] = field(default_factory=list)

    def add(
        self,
        first: npt.ArrayLike,
        second: npt.ArrayLike,
        outcome: npt.ArrayLike,
        *,
        weight: npt.ArrayLike | None = None,
        question: npt.ArrayLike | None = None,
    ) -> None:
        """Count a batch; arguments and errors are those of `count_comparisons`."""
        outcomes = _encode_integers("outcome", outcome)
        if len(outcomes.places) > _OUTCOMES:
            msg = f"outcomes are {[int(kind) for kind in BattleOutcome]}, twice the first's points"
            raise BattlesError(msg)
        self.add_coded(
            _encode_integers("first", first),
            _encode_integers("second", second),
            outcomes,
            weight=None if weight is None else np.asarray(weight, dtype=np.float64),
            question=None if question is None else _encode_integers("question", question).codes,
        )

    def add_coded(
        self,
        first: EncodedColumn,
        second: EncodedColumn,
        outcome: EncodedColumn,
        *,
        weight: FloatArray | None = None,
        question: Codes | None = None,
    ) -> None:
        """Count a batch of encoded columns; the codes of each column are its own.

        Raises:
            BattlesError: the columns differ in length, or a weight is not valid.
        """
        batch = _BattleBatch(
            first=first, second=second, outcome=outcome, weight=weight, question=question
        )
        _check_lengths(batch)
        if weight is not None:
            batch = _keep_positive_weights(batch, weight)
        if len(batch):
            self._parts.append(_count_batch(batch))

    def counts(self, models: Sequence[str]) -> BattleCounts:
        """Return the counts of all batches.

        Args:
            models: the names of the models, in the order of their places in the batches.

        Raises:
            BattlesError: no battle was counted, or a place or name is not valid.
        """
        if not self._parts:
            msg = "there are no battles to count: give at least one of positive weight"
            raise BattlesError(msg)
        codes = np.concatenate([part.code for part in self._parts])
        order = np.argsort(codes)
        ordered = codes[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        code = ordered[starts]
        pair, outcome = np.divmod(code, _OUTCOMES)
        is_new_pair = np.diff(pair, prepend=-1) > 0
        first, second = np.divmod(pair[is_new_pair], _MAX_MODELS)
        _check_models(models, first, second)
        cell = (np.cumsum(is_new_pair) - 1) * _OUTCOMES + outcome

        def sum_cells(values: Sequence[FloatArray]) -> FloatArray:
            sums = np.zeros(_OUTCOMES * len(first))
            sums[cell] = np.add.reduceat(np.concatenate(values)[order], starts)
            return sums.reshape(-1, _OUTCOMES)

        return BattleCounts(
            models=tuple(models),
            first=first,
            second=second,
            number=sum_cells([part.number for part in self._parts]).astype(np.int64),
            weight=sum_cells([part.weight for part in self._parts]),
            square=sum_cells([part.square for part in self._parts]),
            by_question=_weights_by_question(self._parts, code, cell),
        )


def _weights_by_question(
    parts: Sequence[_CellCounts], code: IntArray, cell: IntArray
) -> csr_array | None:
    known = [part.by_question for part in parts if part.by_question is not None]
    if not known:
        return None
    if len(known) < len(parts):
        msg = "some of the battles have a question and some have none"
        raise BattlesError(msg)
    rows = np.concatenate([held.row for held in known])
    labels = np.zeros(int(rows.max()) + 1, dtype=np.int32)
    labels[rows] = 1
    order = np.cumsum(labels, dtype=np.int32) - 1
    columns = np.concatenate(
        [
            cell[np.searchsorted(code, part.code)].astype(np.int32)[held.col]
            for part, held in zip(parts, known, strict=True)
        ]
    )
    weights = np.concatenate([held.data for held in known])
    shape = (int(order[-1]) + 1, (int(cell[-1]) // _OUTCOMES + 1) * _OUTCOMES)
    return csr_array((weights, (order[rows], columns)), shape=shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _BattleBatch:
    """Columns of battles; one code of each of the first three columns makes a cell."""

    first: EncodedColumn
    second: EncodedColumn
    outcome: EncodedColumn
    weight: FloatArray | None
    question: Codes | None

    def __len__(self) -> int:
        return len(self.first.codes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The number of codes of each of the three columns."""
        return len(self.first.places), len(self.second.places), len(self.outcome.places)

    def cells(self, piece: slice = slice(None)) -> Codes:
        """Return the cell of each battle, as an index into an array of this shape."""
        _, seconds, outcomes = self.shape
        kind = np.int32 if np.prod(self.shape, dtype=np.float64) < _MAX_INT32_CELLS else np.int64
        cell = np.multiply(
            self.first.codes[piece], seconds * outcomes, dtype=kind, casting="unsafe"
        )
        cell += np.multiply(self.second.codes[piece], outcomes, dtype=kind, casting="unsafe")
        np.add(cell, self.outcome.codes[piece], out=cell, casting="unsafe")
        return cell

    def codes(self, cells: IntArray) -> IntArray:
        """Return the codes of cells, which are the same in all batches."""
        _, seconds, outcomes = self.shape
        pair, outcome = np.divmod(cells, outcomes)
        first, second = np.divmod(pair, seconds)
        code: IntArray = self.first.places[first] * _MAX_MODELS + self.second.places[second]
        code *= _OUTCOMES
        code += self.outcome.places[outcome]
        return code


def _count_batch(batch: _BattleBatch) -> _CellCounts:
    dense = int(np.prod(batch.shape, dtype=np.int64))
    size, cells, place = dense, None, None
    if dense > max(_MAX_DENSE_CELLS, len(batch)):
        cells, place = np.unique(batch.cells(), return_inverse=True)
        size = len(cells)
    number = np.zeros(size, dtype=np.int64)
    weight, square = np.zeros((2, size if batch.weight is not None else 0))
    for start in range(0, len(batch), _BATTLES_PER_CHUNK):
        piece = slice(start, start + _BATTLES_PER_CHUNK)
        where = batch.cells(piece) if place is None else place[piece]
        number += np.bincount(where, minlength=size)
        if batch.weight is not None:
            weights = batch.weight[piece]
            weight += np.bincount(where, weights, size)
            square += np.bincount(where, weights**2, size)
    filled = np.flatnonzero(number)
    filled_number = number[filled].astype(np.float64)
    rank = np.cumsum(number > 0, dtype=np.int32) - 1
    return _CellCounts(
        code=batch.codes(filled if cells is None else cells[filled].astype(np.int64)),
        number=filled_number,
        weight=filled_number if batch.weight is None else weight[filled],
        square=filled_number if batch.weight is None else square[filled],
        by_question=_question_cells(batch, rank, place),
    )


def _question_cells(batch: _BattleBatch, rank: Codes, place: IntArray | None) -> coo_array | None:
    """Return weights by question and non-empty cell, with one entry for each."""
    if batch.question is None:
        return None
    column = rank[batch.cells() if place is None else place]
    weight = np.ones(len(column)) if batch.weight is None else batch.weight
    row = batch.question.astype(np.int32)
    return coo_array(csr_array((weight, (row, column))))


def _encode_integers(name: str, column: npt.ArrayLike) -> EncodedColumn:
    """Return non-negative integers as their own codes."""
    array = np.asarray(column)
    if not array.size:
        return EncodedColumn(codes=np.zeros(0, dtype=np.int64), places=np.zeros(0, dtype=np.int64))
    if not np.issubdtype(array.dtype, np.integer):
        msg = f"the column {name} holds {array.dtype}, not integers"
        raise BattlesError(msg)
    if array.min() < 0:
        msg = f"the column {name} holds {array.min()}: numbers start at 0"
        raise BattlesError(msg)
    return EncodedColumn(codes=array, places=np.arange(int(array.max()) + 1))


def _check_lengths(batch: _BattleBatch) -> None:
    columns = (batch.first.codes, batch.second.codes, batch.outcome.codes)
    optional = (batch.weight, batch.question)
    shapes = {column.shape for column in (*columns, *optional) if column is not None}
    if len(shapes) > 1 or columns[0].ndim != 1:
        msg = f"the arrays of the battles have different lengths: {sorted(shapes)}"
        raise BattlesError(msg)


def _keep_positive_weights(batch: _BattleBatch, weights: FloatArray) -> _BattleBatch:
    is_valid = np.isfinite(weights) & (weights >= 0)
    if not is_valid.all():
        place = int(np.flatnonzero(~is_valid)[0])
        msg = f"battle {place} has weight {weights[place]}: weights are numbers from 0 up"
        raise BattlesError(msg)
    kept = weights > 0
    if kept.all():
        return batch
    columns = (batch.first, batch.second, batch.outcome)
    first, second, outcome = (replace(given, codes=given.codes[kept]) for given in columns)
    return _BattleBatch(
        first=first,
        second=second,
        outcome=outcome,
        weight=weights[kept],
        question=None if batch.question is None else batch.question[kept],
    )


def _check_models(models: Sequence[str], first: IntArray, second: IntArray) -> None:
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
