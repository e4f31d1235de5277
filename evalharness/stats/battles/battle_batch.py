"""Encode the columns of a batch of battles, and count its cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from evalharness.errors import BattlesError
from evalharness.stats.battles.comparisons import BattleOutcome

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray

_BATTLES_PER_CHUNK = 1 << 18
"""The number of battles counted at a time; their arrays fit in the processor's cache."""

_MAX_DENSE_CELLS = 1 << 22
"""Up to this number of possible cells, counting uses a dense array."""

_MAX_INT32_CELLS = 1 << 31
"""Below this number, cell indices are 32-bit: half the memory, two thirds of the time."""

OUTCOMES = len(BattleOutcome)

MAX_MODELS = 1 << 30
"""The largest number of models; the code of a pair is first * MAX_MODELS + second."""

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
class CellCounts:
    """The counts of a batch's cells by code, and their weights by question (row)."""

    code: IntArray
    number: FloatArray
    weight: FloatArray
    square: FloatArray
    by_question: coo_array | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BattleBatch:
    """Columns of battles; a cell is a combination of two models and an outcome.

    A row with a count stands for as many battles, each with the row's weight.
    """

    first: EncodedColumn
    second: EncodedColumn
    outcome: EncodedColumn
    weight: FloatArray | None
    question: Codes | None
    count: FloatArray | None = None

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
        code: IntArray = self.first.places[first] * MAX_MODELS + self.second.places[second]
        code *= OUTCOMES
        code += self.outcome.places[outcome]
        return code


def count_batch(batch: BattleBatch) -> CellCounts:
    """Return the counts of a batch's cells, without empty cells."""
    dense = int(np.prod(batch.shape, dtype=np.int64))
    size, cells, place = dense, None, None
    if dense > max(_MAX_DENSE_CELLS, len(batch)):
        cells, place = np.unique(batch.cells(), return_inverse=True)
        size = len(cells)
    number = np.zeros(size, dtype=np.int64 if batch.count is None else np.float64)
    weight, square = np.zeros((2, size if batch.weight is not None else 0))
    for start in range(0, len(batch), _BATTLES_PER_CHUNK):
        piece = slice(start, start + _BATTLES_PER_CHUNK)
        where = batch.cells(piece) if place is None else place[piece]
        count = None if batch.count is None else batch.count[piece]
        number += np.bincount(where, count, size)
        if batch.weight is not None:
            weights = batch.weight[piece]
            total = weights if count is None else weights * count
            weight += np.bincount(where, total, size)
            square += np.bincount(where, total * weights, size)
    filled = np.flatnonzero(number)
    filled_number = number[filled].astype(np.float64)
    rank = np.cumsum(number > 0, dtype=np.int32) - 1
    return CellCounts(
        code=batch.codes(filled if cells is None else cells[filled].astype(np.int64)),
        number=filled_number,
        weight=filled_number if batch.weight is None else weight[filled],
        square=filled_number if batch.weight is None else square[filled],
        by_question=_question_cells(batch, rank, place),
    )


def _question_cells(batch: BattleBatch, rank: Codes, place: IntArray | None) -> coo_array | None:
    """Return the weights by question and non-empty cell, as a sparse matrix."""
    if batch.question is None:
        return None
    column = rank[batch.cells() if place is None else place]
    weight = np.ones(len(column)) if batch.weight is None else batch.weight
    if batch.count is not None:
        weight = weight * batch.count
    row = batch.question.astype(np.int32)
    return coo_array(csr_array((weight, (row, column))))


def encode_integers(name: str, column: npt.ArrayLike) -> EncodedColumn:
    """Return a column of non-negative integers, which are their own codes.

    Raises:
        BattlesError: the column has other numbers.
    """
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


def check_lengths(batch: BattleBatch) -> None:
    """Check that the columns of a batch have the same length.

    Raises:
        BattlesError: the lengths differ.
    """
    columns = (batch.first.codes, batch.second.codes, batch.outcome.codes)
    optional = (batch.weight, batch.question, batch.count)
    shapes = {column.shape for column in (*columns, *optional) if column is not None}
    if len(shapes) > 1 or columns[0].ndim != 1:
        msg = f"the arrays of the battles have different lengths: {sorted(shapes)}"
        raise BattlesError(msg)


def keep_positive_rows(batch: BattleBatch) -> BattleBatch:
    """Return a batch without the rows of weight 0 or count 0.

    Raises:
        BattlesError: a weight is negative or not finite.
    """
    kept = np.ones(len(batch), dtype=np.bool_)
    if batch.weight is not None:
        require_valid_weights(batch.weight)
        kept &= batch.weight > 0
    if batch.count is not None:
        kept &= batch.count > 0
    if kept.all():
        return batch
    columns = (batch.first, batch.second, batch.outcome)
    first, second, outcome = (replace(given, codes=given.codes[kept]) for given in columns)
    return BattleBatch(
        first=first,
        second=second,
        outcome=outcome,
        weight=None if batch.weight is None else batch.weight[kept],
        question=None if batch.question is None else batch.question[kept],
        count=None if batch.count is None else batch.count[kept],
    )


def require_valid_weights(weights: FloatArray, start: int = 0) -> None:
    """Check that the weights of battles are finite numbers from 0 up.

    Args:
        weights: the weight of each battle.
        start: the number of the first of these battles.

    Raises:
        BattlesError: a weight is negative or not finite; the message has the battle's number.
    """
    invalid = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if invalid.size:
        place = int(invalid[0])
        msg = f"battle {start + place} has weight {weights[place]}: weights are numbers from 0 up"
        raise BattlesError(msg)
