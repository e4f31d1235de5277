"""Counting battles that come in batches, as those of a file larger than memory do."""

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
"""Battles counted at a time: their arrays stay in the processor's cache."""

_MAX_DENSE_CELLS = 1 << 22
"""Up to so many possible cells, each has a place of its own in an array while counting."""

_MAX_INT32_CELLS = 1 << 31
"""Numbers below need half the memory, and two thirds of the time."""

_OUTCOMES = len(BattleOutcome)
_MAX_MODELS = 1 << 30
"""More models than this cannot be told apart."""


Codes = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedColumn:
    """A column of a batch as codes, with the place (of a model) or `Outcome` of each code."""

    codes: Codes
    places: IntArray

    @property
    def decoded(self) -> IntArray:
        """The place of each battle."""
        return self.places[self.codes]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CellCounts:
    """Cells that some battles filled, by code; and weights by question (row) and cell (column)."""

    code: IntArray
    number: FloatArray
    weight: FloatArray
    square: FloatArray
    by_question: coo_array | None


@dataclass(slots=True)
class BattleTally:
    """Counts battles that come in batches, as those of a file larger than memory do."""

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
        """Count a batch; arguments and errors are those of `counting.count`."""
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
        """Count a batch of which each column has codes of its own.

        Raises:
            BattlesError: the columns differ in length, or a weight makes no sense.
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
        """Return what was counted, over models whose places the batches named.

        Raises:
            BattlesError: nothing was counted, or a place or name makes no sense.
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
        opens = np.diff(pair, prepend=-1) > 0
        first, second = np.divmod(pair[opens], _MAX_MODELS)
        _check_models(models, first, second)
        cell = (np.cumsum(opens) - 1) * _OUTCOMES + outcome

        def summed(values: Sequence[FloatArray]) -> FloatArray:
            sums = np.zeros(_OUTCOMES * len(first))
            sums[cell] = np.add.reduceat(np.concatenate(values)[order], starts)
            return sums.reshape(-1, _OUTCOMES)

        return BattleCounts(
            models=tuple(models),
            first=first,
            second=second,
            number=summed([part.number for part in self._parts]).astype(np.int64),
            weight=summed([part.weight for part in self._parts]),
            square=summed([part.square for part in self._parts]),
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
    """Columns of battles; a code of each of the first three makes a cell."""

    first: EncodedColumn
    second: EncodedColumn
    outcome: EncodedColumn
    weight: FloatArray | None
    question: Codes | None

    def __len__(self) -> int:
        return len(self.first.codes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many codes the columns have."""
        return len(self.first.places), len(self.second.places), len(self.outcome.places)

    def cells(self, piece: slice = slice(None)) -> Codes:
        """Return the number of each battle's cell, in an array of this shape."""
        _, seconds, outcomes = self.shape
        kind = np.int32 if np.prod(self.shape, dtype=np.float64) < _MAX_INT32_CELLS else np.int64
        cell = np.multiply(
            self.first.codes[piece], seconds * outcomes, dtype=kind, casting="unsafe"
        )
        cell += np.multiply(self.second.codes[piece], outcomes, dtype=kind, casting="unsafe")
        np.add(cell, self.outcome.codes[piece], out=cell, casting="unsafe")
        return cell

    def codes(self, cells: IntArray) -> IntArray:
        """Return for cells, by number, what means the same in every batch."""
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
    seen = np.flatnonzero(number)
    held = number[seen].astype(np.float64)
    rank = np.cumsum(number > 0, dtype=np.int32) - 1
    return _CellCounts(
        code=batch.codes(seen if cells is None else cells[seen].astype(np.int64)),
        number=held,
        weight=held if batch.weight is None else weight[seen],
        square=held if batch.weight is None else square[seen],
        by_question=_question_cells(batch, rank, place),
    )


def _question_cells(batch: _BattleBatch, rank: Codes, place: IntArray | None) -> coo_array | None:
    """Return weights by question and seen cell, each place once."""
    if batch.question is None:
        return None
    column = rank[batch.cells() if place is None else place]
    weight = np.ones(len(column)) if batch.weight is None else batch.weight
    row = batch.question.astype(np.int32)
    return coo_array(csr_array((weight, (row, column))))


def _encode_integers(name: str, column: npt.ArrayLike) -> EncodedColumn:
    """Return numbers from 0 up as their own codes."""
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
    sound = np.isfinite(weights) & (weights >= 0)
    if not sound.all():
        place = int(np.flatnonzero(~sound)[0])
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
