"""Count battles in batches, for files that are larger than memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from evalharness.errors import BattlesError
from evalharness.stats.battles.battle_batch import (
    MAX_MODELS,
    OUTCOMES,
    BattleBatch,
    CellCounts,
    Codes,
    EncodedColumn,
    check_lengths,
    count_batch,
    encode_integers,
    keep_positive_rows,
)
from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.battles.counts import BattleCounts
from evalharness.stats.battles.weight_range import WeightRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray


@dataclass(slots=True)
class BattleTally:
    """Counts battles batch by batch, for files that are larger than memory."""

    _parts: list[CellCounts] = field(default_factory=list)
    _weights: WeightRange = field(default_factory=WeightRange)

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
        outcomes = encode_integers("outcome", outcome)
        if len(outcomes.places) > OUTCOMES:
            msg = f"outcomes are {[int(kind) for kind in BattleOutcome]}, twice the first's points"
            raise BattlesError(msg)
        self.add_coded(
            encode_integers("first", first),
            encode_integers("second", second),
            outcomes,
            weight=None if weight is None else np.asarray(weight, dtype=np.float64),
            question=None if question is None else encode_integers("question", question).codes,
        )

    def add_coded(
        self,
        first: EncodedColumn,
        second: EncodedColumn,
        outcome: EncodedColumn,
        *,
        weight: FloatArray | None = None,
        question: Codes | None = None,
        count: FloatArray | None = None,
    ) -> None:
        """Count a batch of encoded columns; each column may have different codes.

        Raises:
            BattlesError: the columns differ in length, or a weight is invalid.
        """
        batch = BattleBatch(
            first=first,
            second=second,
            outcome=outcome,
            weight=weight,
            question=question,
            count=count,
        )
        check_lengths(batch)
        if weight is not None or count is not None:
            batch = keep_positive_rows(batch)
        if len(batch):
            if batch.weight is not None:
                batch = replace(batch, weight=self._weights.rescale(batch.weight))
            self._parts.append(count_batch(batch))

    def counts(self, models: Sequence[str]) -> BattleCounts:
        """Return the counts of all batches.

        Args:
            models: the names of the models, in the order of their numbers in the batches.

        Raises:
            BattlesError: no battle was counted, or a number or name is invalid.
        """
        if not self._parts:
            msg = "there are no battles to count: give at least one of positive weight"
            raise BattlesError(msg)
        codes = np.concatenate([part.code for part in self._parts])
        order = np.argsort(codes)
        ordered = codes[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        code = ordered[starts]
        pair, outcome = np.divmod(code, OUTCOMES)
        is_new_pair = np.diff(pair, prepend=-1) > 0
        first, second = np.divmod(pair[is_new_pair], MAX_MODELS)
        _check_models(models, first, second)
        cell = (np.cumsum(is_new_pair) - 1) * OUTCOMES + outcome

        def sum_cells(values: Sequence[FloatArray]) -> FloatArray:
            sums = np.zeros(OUTCOMES * len(first))
            sums[cell] = np.add.reduceat(np.concatenate(values)[order], starts)
            return sums.reshape(-1, OUTCOMES)

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
    parts: Sequence[CellCounts], code: IntArray, cell: IntArray
) -> csr_array | None:
    known = [part.by_question for part in parts if part.by_question is not None]
    if not known:
        return None
    if len(known) < len(parts):
        msg = "some of the battles have a question and some have none"
        raise BattlesError(msg)
    rows = np.concatenate([entries.row for entries in known])
    labels = np.zeros(int(rows.max()) + 1, dtype=np.int32)
    labels[rows] = 1
    order = np.cumsum(labels, dtype=np.int32) - 1
    columns = np.concatenate(
        [
            cell[np.searchsorted(code, part.code)].astype(np.int32)[entries.col]
            for part, entries in zip(parts, known, strict=True)
        ]
    )
    weights = np.concatenate([entries.data for entries in known])
    shape = (int(order[-1]) + 1, (int(cell[-1]) // OUTCOMES + 1) * OUTCOMES)
    return csr_array((weights, (order[rows], columns)), shape=shape)


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
