"""Read JSON lines, JSON arrays and CSV files as rows; errors name the file and the line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from textwrap import shorten
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evalharness.errors import ConfigError, InputError
from evalharness.store import check_text_file, read_numbered_records, refuse_special_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.formats.rows.row_location import RowLocation

Shape = TypeVar("Shape")
Meaning = TypeVar("Meaning")
JsonRow = dict[str, Any]


_MAX_SHOWN_HEADER = 300  # characters
_ID_FIELDS = ("question_id", "id")


def find_files(paths: Sequence[Path], *suffixes: str) -> tuple[Path, ...]:
    """Return files as they are named, and the files with these suffixes in folders.

    Raises:
        ConfigError: a path does not exist, or a folder has no such file.
        InputError: one is a pipe, a device, or a link to nothing.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix in suffixes)
            if not inside:
                msg = f"{path}: no file in this folder ends in {' or '.join(suffixes)}"
                raise ConfigError(msg)
            files |= dict.fromkeys(file for file in inside if not file.is_dir())
        elif path.exists() or path.is_symlink():
            files[path] = None
        else:
            msg = f"{path}: there is no such file or folder"
            raise ConfigError(msg)
    for file in files:
        refuse_special_file(file)
    return tuple(files)


def read_json_lines(path: Path) -> Iterator[tuple[int, JsonRow]]:
    """Yield the rows of a file of JSON lines, each with its line number.

    Only one line is in memory at a time.

    Raises:
        InputError: the file is empty or cannot be read, or a line is not one JSON object.
    """
    number = 0
    try:
        for number, row in read_numbered_records(path, JsonRow):
            yield number, row
    except RecursionError as error:
        msg = "nested too deeply to be data"
        raise InputError(msg, path=path, line=number + 1) from error
    except OSError as error:
        raise InputError(str(error.strerror), path=path) from error
    if number == 0:
        _refuse_empty(path)


def read_json_array(path: Path) -> Iterator[tuple[int, JsonRow]]:
    """Yield the rows of a JSON array, each with the number of its first line.

    Raises:
        InputError: the file is empty or cannot be read, or is not an array of JSON objects.
    """
    content = _read_content(path)
    line = offset = 0
    try:
        for raw in msgspec.json.decode(content, type=list[msgspec.Raw]):
            start = content.find(bytes(raw), offset)
            line += content.count(b"\n", offset, start)
            offset = start
            yield line + 1, msgspec.json.decode(raw, type=JsonRow)
    except RecursionError as error:
        msg = "nested too deeply to be data"
        raise InputError(msg, path=path, line=line + 1) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if offset == 0:
            line = content.count(b"\n", 0, _find_error_byte(error, content))
        raise InputError(str(error), path=path, line=line + 1) from error


def read_json_rows(path: Path) -> Iterator[tuple[int, JsonRow]]:
    """Yield the rows of a JSON array or of JSON lines, each with the number of its first line.

    Raises:
        InputError: the file is empty or cannot be read, or a row is not a JSON object.
    """
    return read_json_array(path) if _begins_with_bracket(path) else read_json_lines(path)


def read_csv(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file, each with its line number.

    Args:
        path: the file.
        columns: the columns that it must have.

    Raises:
        InputError: the file is empty or cannot be read, a column is missing or repeated, or
            a row has more or fewer cells than the header.
    """
    try:
        text = _read_content(path).decode("utf-8")
    except UnicodeDecodeError as error:
        line = _read_content(path).count(b"\n", 0, error.start) + 1
        msg = f"not UTF-8: {error.reason}"
        raise InputError(msg, path=path, line=line) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not cells:
                continue
            if not header:
                header = cells
                _check_header(header, columns, path)
                continue
            if len(cells) != len(header):
                msg = f"{len(cells)} cells under {len(header)} columns"
                raise InputError(msg, path=path, line=reader.line_num)
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        msg = f"not CSV: {error}"
        raise InputError(msg, path=path, line=reader.line_num) from error


def convert_row(row: JsonRow, shape: type[Shape], location: RowLocation) -> Shape:
    """Return a row as a record that has the fields of `shape`; other fields are ignored.

    Raises:
        InputError: a field is missing or of another type.
    """
    try:
        return msgspec.convert(read_ids(row), shape)
    except msgspec.ValidationError as error:
        raise InputError(str(error), path=location.path, line=location.line) from error


def read_ids(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with whole numbers as ids: a table writes integers beside a gap as 1.0."""
    floats = {
        name: int(value)
        for name in _ID_FIELDS
        if isinstance(value := row.get(name), float) and value.is_integer()
    }
    return {**row, **floats}


def look_up_label(
    labels: Mapping[Any, Meaning], label: str | None, name: str, location: RowLocation
) -> Meaning:
    """Return the meaning of a label.

    Args:
        labels: the meanings by label.
        label: the label of a row.
        name: the name of its field, for the message.
        location: the row.

    Raises:
        InputError: the label is unknown; it is never counted as a tie.
    """
    if label not in labels:
        location.refuse(f"unknown {name} {label!r}: must be one of {', '.join(map(str, labels))}")
    return labels[label]


def _read_content(path: Path) -> bytes:
    """Return the content of a text file, without a byte order mark."""
    text_start = check_text_file(path)
    try:
        content = path.read_bytes()[text_start:]
    except OSError as error:
        raise InputError(str(error.strerror), path=path) from error
    if not content.strip():
        _refuse_empty(path)
    return content


def _refuse_empty(path: Path) -> None:
    msg = "this file is empty"
    raise InputError(msg, path=path, line=1)


def _begins_with_bracket(path: Path) -> bool:
    text_start = check_text_file(path)
    with path.open("rb") as file:
        file.seek(text_start)
        for line in file:
            if line.strip():
                return line.lstrip().startswith(b"[")
    return False


def _check_header(header: Sequence[str], columns: Sequence[str], path: Path) -> None:
    repeated = sorted(name for name, times in Counter(header).items() if times > 1)
    missing = [name for name in columns if name not in header]
    if repeated:
        msg = f"the column {shorten(repeated[0], _MAX_SHOWN_HEADER)!r} is there twice"
        raise InputError(msg, path=path, line=1)
    if missing:
        msg = f"no column {' and no column '.join(missing)}; found: {shorten(', '.join(header), _MAX_SHOWN_HEADER)}"
        raise InputError(msg, path=path, line=1)


def _find_error_byte(error: Exception, content: bytes) -> int:
    """Return the byte that the error message names, or the end of a file that was cut off."""
    _, _, after = str(error).rpartition("(byte ")
    number = after.rstrip(")")
    return int(number) if number.isdigit() else len(content.rstrip())
