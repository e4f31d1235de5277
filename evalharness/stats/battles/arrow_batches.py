"""Count battles in Arrow record batches, batch by batch.

The columns are `model_a`, `model_b` and `winner`, and optionally `question_id`, `weight` (the
importance of a battle) and `count` (the number of equal battles that a row stands for). Names and
ids are text: an integer is the text that it is written as. Each distinct text is decoded only once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from evalharness.domain import Winner, normalize_name
from evalharness.errors import BattlesError
from evalharness.stats.battles.battle_batch import EncodedColumn, require_valid_weights
from evalharness.stats.battles.comparisons import OUTCOME_BY_WINNER
from evalharness.stats.battles.counts import BattleCounts, sort_counts
from evalharness.stats.battles.tally import BattleTally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

REQUIRED_COLUMNS = ("model_a", "model_b", "winner")
OPTIONAL_COLUMNS = ("question_id", "weight", "count")
_LARGEST_COUNT = 2.0**53
"""Up to this number, sums of counts are exact."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedBatch:
    """A batch with integer codes for text; the codes of `question` are the same in all batches."""

    first: EncodedColumn
    second: EncodedColumn
    outcome: EncodedColumn
    weight: FloatArray | None
    question: IntArray | None
    count: FloatArray | None


@dataclass(slots=True)
class BatchEncoder:
    """Encodes batches; a model or question has the same code in all of them."""

    models: dict[str, int] = field(default_factory=dict)
    _questions: dict[str, int] = field(default_factory=dict)
    _rows: int = 0

    def encode(self, batch: pa.RecordBatch) -> EncodedBatch:
        """Return a batch as codes.

        Raises:
            BattlesError: a column is missing, a cell is empty, or a winner is unknown.
        """
        require_columns(batch.schema.names)
        known = [
            name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if name in batch.schema.names
        ]
        for name in known:
            self._require_no_empty_cell(name, batch.column(name))
        encoded = EncodedBatch(
            first=self._models(batch, "model_a"),
            second=self._models(batch, "model_b"),
            outcome=_encode_outcomes(batch.column("winner")),
            weight=self._weights(batch.column("weight")) if "weight" in known else None,
            question=self._places(batch, "question_id", self._questions).decoded
            if "question_id" in known
            else None,
            count=self._counts(batch.column("count")) if "count" in known else None,
        )
        self._rows += len(batch)
        return encoded

    def _models(self, batch: pa.RecordBatch, name: str) -> EncodedColumn:
        return self._places(batch, name, self.models)

    def _places(self, batch: pa.RecordBatch, name: str, known: dict[str, int]) -> EncodedColumn:
        """Return a column of texts; texts that are new get the next places."""
        codes, values = _dictionary_encode(batch.column(name))
        texts = [format_name(value) for value in values]
        if "" in texts:
            is_empty = np.array([not text for text in texts])[codes]
            self._require_none_empty(name, is_empty)
        places = [known.setdefault(text, len(known)) for text in texts]
        return EncodedColumn(codes=codes, places=np.array(places, dtype=np.int64))

    def _weights(self, column: pa.Array) -> FloatArray:
        weights = _cast_to_floats(column, "weight")
        require_valid_weights(weights, self._rows)
        return weights

    def _counts(self, column: pa.Array) -> FloatArray:
        counts = _cast_to_floats(column, "count")
        is_valid = (counts >= 0) & (counts <= _LARGEST_COUNT) & (counts == np.floor(counts))
        if not is_valid.all():
            place = int(np.flatnonzero(~is_valid)[0])
            msg = (
                f"row {self._rows + place} has count {counts[place]:g}: a count is the whole number "
                "of equal battles; how much a battle matters is its weight"
            )
            raise BattlesError(msg)
        return counts

    def _require_no_empty_cell(self, name: str, column: pa.Array) -> None:
        is_float = pa.types.is_floating(column.type)
        if column.null_count or is_float:
            is_empty = column.is_null(nan_is_null=is_float).to_numpy(zero_copy_only=False)
            self._require_none_empty(name, is_empty)

    def _require_none_empty(self, name: str, is_empty: npt.NDArray[np.bool_]) -> None:
        if is_empty.any():
            row = self._rows + int(np.flatnonzero(is_empty)[0])
            msg = f"{int(is_empty.sum())} battles have no {name}, the first at row {row}"
            raise BattlesError(msg)


def count_arrow_batches(
    batches: Iterable[pa.RecordBatch], *, by_question: bool = True
) -> BattleCounts:
    """Return the counts of all batches, with the models in order of name.

    Args:
        batches: the battles; only the counts of each batch are kept.
        by_question: whether to cluster by `question_id`, if the batches have it.

    Raises:
        BattlesError: there are no battles, or a column or cell is not valid.
    """
    encoder, tally = BatchEncoder(), BattleTally()
    for batch in batches:
        encoded = encoder.encode(batch)
        tally.add_coded(
            encoded.first,
            encoded.second,
            encoded.outcome,
            weight=encoded.weight,
            question=encoded.question if by_question else None,
            count=encoded.count,
        )
    names = list(encoder.models)
    require_two_models(names)
    return sort_counts(tally.counts(names), names)


def require_two_models(names: Sequence[str]) -> None:
    """Check that battles are between at least two models.

    Raises:
        BattlesError: all battles are of a single model.
    """
    if len(names) == 1:
        msg = f"all battles are of one model, {names[0]}: a rating needs two"
        raise BattlesError(msg)


def format_name(value: Any) -> str:
    """Return the name of a model or question as text.

    A table turns integers into floats where it is joined with another; 81.0 is the question 81.

    Args:
        value: the value of a cell.
    """
    if isinstance(value, bytes):
        return normalize_name(value.decode(errors="replace"))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return normalize_name(str(value))


def _cast_to_floats(column: pa.Array, name: str) -> FloatArray:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        numbers: FloatArray = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"a {name} is no number: {error}"
        raise BattlesError(msg) from error
    return numbers


def _dictionary_encode(column: pa.Array) -> tuple[IntArray, list[Any]]:
    """Return a column's codes, and the value of each code."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def _encode_outcomes(column: pa.Array) -> EncodedColumn:
    codes, labels = _dictionary_encode(column)
    by_label = {str(winner): int(outcome) for winner, outcome in OUTCOME_BY_WINNER.items()}
    unknown = [label for place, label in enumerate(labels) if str(label) not in by_label]
    used = set(np.unique(codes)) if unknown else set()
    used_and_unknown = [repr(str(label)) for label in unknown if labels.index(label) in used]
    if used_and_unknown:
        msg = (
            f"unknown winner {', '.join(used_and_unknown)}: write {', '.join(Winner)}, "
            "or drop these battles"
        )
        raise BattlesError(msg)
    places = [by_label.get(str(label), 0) for label in labels]
    return EncodedColumn(codes=codes, places=np.array(places, dtype=np.int64))


def require_columns(names: Sequence[Any]) -> None:
    """Check that a table of battles has its required columns.

    Args:
        names: the columns of the table.

    Raises:
        BattlesError: a column is missing.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    if missing:
        found = ", ".join(map(str, names)) or "none"
        msg = f"the battles have no column {' and no column '.join(missing)}; found: {found}"
        raise BattlesError(msg)
