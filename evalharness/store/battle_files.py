"""Count the battles in files batch by batch, so that files can be larger than memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import pyarrow as pa
from pyarrow import csv, dataset, parquet

from evalharness.errors import BattlesError, InputError
from evalharness.stats import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    count_arrow_batches,
    count_battle_table,
    require_columns,
)
from evalharness.store.text_files import check_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from evalharness.stats import BattleCounts

_ROWS_PER_BATCH = 1 << 20
"""Battles per batch: about 12 MB."""

_READAHEAD_BATCHES = 2
"""Batches that are decoded ahead of counting."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_CSV = dataset.CsvFileFormat(
    convert_options=csv.ConvertOptions(
        # Types that are guessed from the first rows would merge the models 1.1 and 1.10.
        column_types={
            **dict.fromkeys((*REQUIRED_COLUMNS, "question_id"), _TEXT),
            "weight": pa.float64(),
            "count": pa.float64(),
        },
        null_values=[""],
        strings_can_be_null=True,
    )
)
_PARQUET = ".parquet"
_FORMATS = {
    _PARQUET: "parquet",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".csv": _CSV,
}


def count_battles(
    source: str | Path | Sequence[str | Path] | pd.DataFrame | pa.Table,
    *,
    by_question: bool = True,
) -> BattleCounts:
    """Return the counts of battles for `rate`, from a table or from files of any size.

    Files are Parquet, Arrow or CSV, with the columns that `rate` takes. A folder means all files
    in it. Only the counts are kept in memory.

    Args:
        source: a file, a folder, several of them, a pandas DataFrame or an Arrow table.
        by_question: whether to cluster intervals by `question_id`, if the column exists. If nearly
            every battle has a different question, False gives the same and needs far less memory.

    Raises:
        InputError: a file is missing or cannot be read.
        BattlesError: the battles are invalid.
    """
    paths = [source] if isinstance(source, (str, Path)) else source
    if not _are_paths(paths):
        return count_battle_table(source, by_question=by_question)
    if not paths:
        msg = "no file of battles is given"
        raise BattlesError(msg)
    files = [file for path in paths for file in _find_battle_files(Path(path))]
    try:
        return count_arrow_batches(
            _read_batches(files, by_question=by_question), by_question=by_question
        )
    except BattlesError as error:
        msg = f"{', '.join(str(path) for path in paths)}: {error}"
        raise BattlesError(msg) from error


def _are_paths(source: object) -> TypeGuard[Sequence[str | Path]]:
    return isinstance(source, (list, tuple)) and all(
        isinstance(each, (str, Path)) for each in source
    )


def _find_battle_files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix in _FORMATS)
        if not found:
            msg = f"there is no file of battles in this folder ({', '.join(_FORMATS)})"
            raise InputError(msg, path=path)
        return found
    if not path.is_file():
        msg = "there is no such file"
        raise InputError(msg, path=path)
    if path.suffix not in _FORMATS:
        msg = f"battles are read from {', '.join(_FORMATS)}, not from {path.suffix or 'this'}"
        raise InputError(msg, path=path)
    return [path]


def _read_batches(files: Sequence[Path], *, by_question: bool) -> Iterator[pa.RecordBatch]:
    fields = (*REQUIRED_COLUMNS, *(OPTIONAL_COLUMNS if by_question else ("weight", "count")))
    for file in files:
        if file.suffix == ".csv":
            check_text_file(file)
        try:
            if file.suffix == _PARQUET:
                yield from _read_parquet_batches(file, fields)
            else:
                yield from _read_dataset_batches(file, fields)
        except (pa.ArrowException, OSError) as error:
            raise InputError(_explain_failure(file, error), path=file) from error


def _read_dataset_batches(file: Path, fields: Sequence[str]) -> Iterator[pa.RecordBatch]:
    opened = dataset.dataset(str(file), format=_FORMATS[file.suffix])
    require_columns(opened.schema.names)
    columns = [name for name in fields if name in opened.schema.names]
    yield from opened.to_batches(
        columns, batch_size=_ROWS_PER_BATCH, batch_readahead=_READAHEAD_BATCHES
    )


def _explain_failure(file: Path, error: Exception) -> str:
    """Return why a file could not be read, with the remedy."""
    if file.stat().st_size == 0:
        return "this file is empty"
    if file.suffix != ".csv":
        return f"this file is damaged, or not what its name says: {error}"
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f"line {number} is not UTF-8; save it as UTF-8 (iconv -f LATIN1 -t UTF-8)"
    return (
        f"not a table of battles; weights and counts are plain numbers (1000, not 1,000): {error}"
    )


def _read_parquet_batches(file: Path, fields: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield batches with text dictionary-encoded as in the file."""
    # The types of the columns are known only after the schema is read.
    schema = parquet.read_schema(file)
    require_columns(schema.names)
    columns = [name for name in fields if name in schema.names]
    encoded = [name for name in REQUIRED_COLUMNS if pa.types.is_string(schema.field(name).type)]
    with parquet.ParquetFile(file, read_dictionary=encoded) as opened:
        yield from opened.iter_batches(batch_size=_ROWS_PER_BATCH, columns=columns)
