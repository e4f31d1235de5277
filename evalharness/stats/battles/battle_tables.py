"""Convert tables of battles (pandas or Arrow) to counts or checked arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from evalharness.errors import BattlesError
from evalharness.stats.battles.arrow_batches import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    BatchEncoder,
    count_arrow_batches,
    require_columns,
    require_two_models,
)
from evalharness.stats.battles.comparisons import Comparisons, build_comparisons
from evalharness.stats.battles.counts import BattleCounts

if TYPE_CHECKING:
    import pandas as pd


def count_battle_table(
    battles: pd.DataFrame | pa.Table | BattleCounts, *, by_question: bool = True
) -> BattleCounts:
    """Return the counts of battles, clustered by `question_id` if the table has it.

    Args:
        battles: a table with `model_a`, `model_b` and `winner`, optionally `question_id` and
            `weight`; or counts, which are returned unchanged.
        by_question: False treats every battle as its own cluster.

    Raises:
        BattlesError: a column is missing, a cell is empty, or a winner is unknown.
    """
    if isinstance(battles, BattleCounts):
        return battles
    return count_arrow_batches(_to_arrow(battles).to_batches(), by_question=by_question)


def build_comparisons_from_table(battles: pd.DataFrame | pa.Table) -> Comparisons:
    """Return a table of battles as checked arrays, with the models in order of name.

    Args:
        battles: a table with `model_a`, `model_b` and `winner`, optionally `question_id` and
            `weight`.

    Raises:
        BattlesError: a column is missing, a cell is empty, or a winner is unknown.
    """
    encoder = BatchEncoder()
    batches = [encoder.encode(batch) for batch in _to_arrow(battles).to_batches()]
    if not batches:
        msg = "there are no battles"
        raise BattlesError(msg)
    names = list(encoder.models)
    require_two_models(names)
    position_by_code = np.argsort(np.argsort(names))
    return build_comparisons(
        sorted(names),
        position_by_code[np.concatenate([batch.first.decoded for batch in batches])],
        position_by_code[np.concatenate([batch.second.decoded for batch in batches])],
        np.concatenate([batch.outcome.decoded for batch in batches]),
        weight=_concatenate_columns([batch.weight for batch in batches]),
        question=_concatenate_columns([batch.question for batch in batches]),
    )


def _concatenate_columns(columns: list[Any]) -> Any:
    """Return the column of all batches; None if the batches do not have it."""
    return None if columns[0] is None else np.concatenate(columns)


def _to_arrow(battles: pd.DataFrame | pa.Table) -> pa.Table:
    """Return the columns of battles as an Arrow table, without any other column."""
    names = battles.column_names if isinstance(battles, pa.Table) else list(battles.columns)
    require_columns(names)
    known = [name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if name in names]
    if isinstance(battles, pa.Table):
        return battles.select(known)
    try:
        return pa.Table.from_pandas(battles[known], preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        msg = f"a column of the battles mixes types: {error.args[0]}"
        raise BattlesError(msg) from error
