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
    format_name,
    require_columns,
    require_two_models,
)
from evalharness.stats.battles.comparisons import Comparisons, build_comparisons
from evalharness.stats.battles.counts import BattleCounts
from evalharness.stats.battles.weight_range import WeightRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from evalharness.stats.arrays import FloatArray, IntArray

_TEXT_COLUMNS = ("model_a", "model_b", "question_id")


def count_battle_table(
    battles: pd.DataFrame | pa.Table | BattleCounts, *, by_question: bool = True
) -> BattleCounts:
    """Return the counts of battles, clustered by `question_id` if the table has it.

    Args:
        battles: a table with `model_a`, `model_b` and `winner`, optionally `question_id`,
            `weight` and `count`; or counts, which are returned unchanged.
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
        battles: a table with `model_a`, `model_b` and `winner`, optionally `question_id`,
            `weight` and `count`; a row with a count becomes as many battles.

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
    repeats = _repeat_rows([batch.count for batch in batches])
    return build_comparisons(
        sorted(names),
        position_by_code[_join_columns([batch.first.decoded for batch in batches], repeats)],
        position_by_code[_join_columns([batch.second.decoded for batch in batches], repeats)],
        _join_columns([batch.outcome.decoded for batch in batches], repeats),
        weight=_join_weights([batch.weight for batch in batches], repeats),
        question=_join_columns([batch.question for batch in batches], repeats),
    )


_MAX_REPEATED_ROWS = 100_000_000


def _repeat_rows(counts: list[FloatArray | None]) -> IntArray | None:
    """Return the row of each battle; None if each row is one battle."""
    count = _join_columns(counts, None)
    if count is None:
        return None
    if count.sum() > _MAX_REPEATED_ROWS:
        msg = (
            f"the counts add up to {count.sum():g} battles, and this method plays each one: give "
            f"at most {_MAX_REPEATED_ROWS:,}, or use a rating model that counts battles"
        )
        raise BattlesError(msg)
    rows: IntArray = np.repeat(np.arange(len(count)), count.astype(np.int64))
    return rows


def _join_weights(columns: Sequence[Any], rows: IntArray | None) -> FloatArray | None:
    """Return weights whose mean is 1; battles of weight 0 are left out of the mean."""
    weights: FloatArray | None = _join_columns(columns, rows)
    if weights is None or not weights.any():
        return weights
    positive = weights > 0
    scaled = np.zeros(len(weights))
    scaled[positive] = WeightRange().rescale(weights[positive])
    scaled /= scaled[positive].mean()
    return scaled


def _join_columns(columns: Sequence[Any], rows: IntArray | None) -> Any:
    """Return the rows of a column of all batches; None if the batches do not have it."""
    if columns[0] is None:
        return None
    joined = np.concatenate(columns)
    return joined if rows is None else joined[rows]


def _to_arrow(battles: Any) -> pa.Table:
    """Return the columns of battles as an Arrow table, without any other column."""
    is_pandas = hasattr(battles, "columns") and hasattr(battles, "iloc")
    if not is_pandas and not hasattr(battles, "__arrow_c_stream__"):
        msg = (
            f"battles are a DataFrame, an Arrow table or counts, not {type(battles).__name__}: "
            "count_battles(path) reads files, pandas.DataFrame(rows) makes a table of rows"
        )
        raise BattlesError(msg)
    if not is_pandas:
        battles = pa.table(battles)
    names = battles.column_names if isinstance(battles, pa.Table) else list(battles.columns)
    require_columns(names)
    known = [name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if name in names]
    if isinstance(battles, pa.Table):
        return battles.select(known)
    table = battles[known]
    for name in set(known) & set(_TEXT_COLUMNS):
        if table[name].dtype == object:  # may mix integers and text
            table = table.assign(**{name: table[name].map(format_name, na_action="ignore")})
    try:
        return pa.Table.from_pandas(table, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        msg = f"a column of the battles mixes types: {error.args[0]}"
        raise BattlesError(msg) from error
