"""Read the rows of data files: Parquet, JSON, JSON lines and CSV."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from evalharness.errors import InputError
from evalharness.store import check_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DATA_SUFFIXES = (".parquet", ".jsonl", ".json", ".csv")


@dataclass(frozen=True, slots=True)
class DataRow:
    """One row of a data file. A wrong or missing column is refused with the file and the row.

    Attributes:
        path: the file.
        number: the number of the row, from 1.
        columns: the values by the names of their columns.
    """

    path: Path
    number: int
    columns: Mapping[str, Any]

    def get_text(self, column: str) -> str:
        """Return the text in a column."""
        value = self._get(column)
        if not isinstance(value, str):
            self.refuse(column, f"must be a text, not {_shorten(value)}")
        return value

    def get_texts(self, column: str, *, least: int = 1) -> list[str]:
        """Return the list of texts in a column, which must have at least `least` entries."""
        value = self._get(column)
        if hasattr(value, "tolist"):  # Parquet gives arrays
            value = value.tolist()
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.refuse(column, f"must be a list of texts, not {_shorten(value)}")
        if len(value) < least:
            self.refuse(column, f"has {len(value)} entries; there must be {least} or more")
        return value

    def get_index(self, column: str, bound: int) -> int:
        """Return the number in a column, from 0 to `bound` - 1; it may be written as text."""
        value = self._get(column)
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        elif hasattr(value, "item"):
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < bound:
            self.refuse(column, f"must be a number from 0 to {bound - 1}, not {_shorten(value)}")
        return value

    def get_choice(self, column: str, allowed: tuple[str, ...]) -> str:
        """Return the text in a column, which must be one of the allowed texts."""
        value = self._get(column)
        if value not in allowed:
            self.refuse(column, f"must be one of {', '.join(allowed)}, not {_shorten(value)}")
        return str(value)

    def get_mapping(self, column: str) -> DataRow:
        """Return the mapping in a column as a row, whose columns begin with the name of this one."""
        value = self._get(column)
        if not isinstance(value, dict):
            self.refuse(column, f"must be a mapping, not {_shorten(value)}")
        return DataRow(
            self.path, self.number, {f"{column}.{key}": each for key, each in value.items()}
        )

    def refuse(self, column: str, problem: str) -> NoReturn:
        """Refuse a column.

        Raises:
            InputError: always; the message names the file, the row and the column.
        """
        msg = f"column {column!r} {problem}"
        raise InputError(msg, path=self.path, line=self.number)

    def _get(self, column: str) -> Any:
        if column not in self.columns:
            names = ", ".join(map(str, self.columns)) or "none"
            self.refuse(column, f"is missing; there are: {names}")
        return self.columns[column]


def read_rows(path: Path) -> Iterator[DataRow]:
    """Yield the rows of a Parquet, JSON, JSON lines or CSV file.

    The first line of a CSV file has the names of its columns.

    Raises:
        InputError: the file does not have the format that its name says.
    """
    match path.suffix:
        case ".parquet":
            yield from _read_parquet(path)
        case ".json":
            yield from _read_json(path)
        case ".csv":
            for number, cells in read_csv_records(path):
                if number == 1:
                    names = cells
                    continue
                yield DataRow(path, number, dict(zip(names, cells, strict=False)))
        case _:
            yield from _read_json_lines(path)


def read_csv_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a CSV file with their numbers, from 1.

    Raises:
        InputError: the file is not CSV.
    """
    check_text_file(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from enumerate(csv.reader(file, strict=True), start=1)
        except (csv.Error, UnicodeDecodeError) as error:
            msg = f"not a CSV file: {error}"
            raise InputError(msg, path=path) from error


def read_text_lines(path: Path) -> list[str]:
    """Return the lines of a text file.

    Raises:
        InputError: the file is not UTF-8.
    """
    check_text_file(path)
    try:
        # Not splitlines(): texts hold separators that only Python takes as line ends.
        return path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        msg = "not UTF-8"
        raise InputError(msg, path=path) from error


def _read_json_lines(path: Path) -> Iterator[DataRow]:
    for number, line in enumerate(read_text_lines(path), start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except json.JSONDecodeError as error:
            msg = f"not JSON: {error}"
            raise InputError(msg, path=path, line=number) from error
        if not isinstance(content, dict):
            msg = "not a JSON object"
            raise InputError(msg, path=path, line=number)
        yield DataRow(path, number, content)


def _read_json(path: Path) -> Iterator[DataRow]:
    check_text_file(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSON lines under another name
            yield from _read_json_lines(path)
            return
        msg = f"not JSON: {error}"
        raise InputError(msg, path=path) from error
    except UnicodeDecodeError as error:
        msg = "not UTF-8"
        raise InputError(msg, path=path) from error
    if isinstance(content, dict):
        content = content.get("data", [content])
    for number, each in enumerate(content, start=1):
        if not isinstance(each, dict):
            msg = f"row {number} is not an object"
            raise InputError(msg, path=path)
        yield DataRow(path, number, each)


def _read_parquet(path: Path) -> Iterator[DataRow]:
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        msg = f"not a Parquet file: {error}"
        raise InputError(msg, path=path) from error
    for number, columns in enumerate(table.to_dict("records"), start=1):
        yield DataRow(path, number, {str(name): value for name, value in columns.items()})


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - one line stays readable
