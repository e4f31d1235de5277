"""Count battles in Arrow record batches, batch by batch.

The columns are `model_a`, `model_b` and `winner`, and optionally `question_id` and `weight`. Each
distinct text is decoded only once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from evalharness.domain import Winner
from evalharness.errors import BattlesError
from evalharness.stats.battles.battle_batch import EncodedColumn
from evalharness.stats.battles.comparisons import OUTCOME_BY_WINNER
from evalharness.stats.battles.counts import BattleCounts, rename_models
from evalharness.stats.battles.tally import BattleTally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalharness.stats.arrays import FloatArray, IntArray

REQUIRED_COLUMNS = ("model_a", "model_b", "winner")
OPTIONAL_COLUMNS = ("question_id", "weight")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedBatch:
    """A batch with integer codes for text; the codes of `question` are the same in all batches."""

    first: EncodedColumn
    second: EncodedColumn
    outcome: EncodedColumn
    weight: FloatArray | None
    question: IntArray | None


@dataclass(slots=True)
class BatchEncoder:
    """Encodes batches; a model or question has the same code in all of them."""

    models: dict[str, int] = field(default_factory=dict)
    _questions: dict[Any, int] = field(default_factory=dict)
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
            first=self._models(batch.column("model_a")),
            second=self._models(batch.column("model_b")),
            outcome=_encode_outcomes(batch.column("winner")),
            weight=self._weights(batch.column("weight")) if "weight" in known else None,
            question=self._question_codes(batch.column("question_id"))
            if "question_id" in known
            else None,
        )
        self._rows += len(batch)
        return encoded

    def _models(self, column: pa.Array) -> EncodedColumn:
        codes, names = _dictionary_encode(column)
        places = [self.models.setdefault(str(name), len(self.models)) for name in names]
        return EncodedColumn(codes=codes, places=np.array(places, dtype=np.int64))

    def _question_codes(self, column: pa.Array) -> IntArray:
        codes, labels = _dictionary_encode(column)
        known = self._questions
        places = np.array([known.setdefault(label, len(known)) for label in labels], dtype=np.int64)
        return places[codes]

    def _weights(self, column: pa.Array) -> FloatArray:
        try:
            weights: FloatArray = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            msg = f"a weight is no number: {error}"
            raise BattlesError(msg) from error
        invalid = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if invalid.size:
            place = int(invalid[0])
            msg = (
                f"battle {self._rows + place} has weight {weights[place]}: weights are numbers "
                "from 0 up"
            )
            raise BattlesError(msg)
        return weights

    def _require_no_empty_cell(self, name: str, column: pa.Array) -> None:
        if column.null_count:
            row = self._rows + int(
                np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0]
            )
            msg = f"{column.null_count} battles have no {name}, the first at row {row}"
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
        )
    names = list(encoder.models)
    require_two_models(names)
    return rename_models(tally.counts(names), names)


def require_two_models(names: Sequence[str]) -> None:
    """Check that battles are between at least two models.

    Raises:
        BattlesError: all battles are of a single model.
    """
    if len(names) == 1:
        msg = f"all battles are of one model, {names[0]}: a rating needs two"
        raise BattlesError(msg)


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
