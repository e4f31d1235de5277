"""What a foreign file holds, told from its first row; all its other rows must be of that kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.formats.rows.imported_records import RowLocation
from evalharness.formats.rows.row_reader import array, find_files, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.row_reader import JsonRow

    RowClassifier = Callable[[JsonRow, Path], str | None]

_PEEK_BYTES = 64


def sort_files_by_kind(
    paths: Sequence[Path], suffix: str, kind_of: RowClassifier, gathering: ImportedRecords
) -> dict[str, list[Path]]:
    """Return the files of each kind; what a folder holds besides is named in a warning.

    Raises:
        InputError: a file that was asked for by its name is of no kind, or cannot be read.
        ConfigError: a path does not exist.
    """
    found: dict[str, list[Path]] = {}
    for path in find_files(paths, suffix):
        kind = next((kind_of(row, path) for _, row in _read_rows(path)), None)
        if kind is not None:
            found.setdefault(kind, []).append(path)
            gathering.paths.append(path)
        elif path in paths:
            RowLocation(path=path, line=1).refuse(
                f"this is no file of the format {gathering.format}"
            )
        else:
            said = f"not read, as it is no file of the format {gathering.format}"
            gathering.warnings.append(f"{path}: {said}")
    return found


def read_rows_of_kind(
    kind: str, path: Path, kind_of: RowClassifier
) -> Iterator[tuple[RowLocation, JsonRow]]:
    """Yield the rows of a file that holds one kind of them.

    Raises:
        InputError: a row is of another kind, or cannot be read.
    """
    for line, row in _read_rows(path):
        at = RowLocation(path=path, line=line)
        if kind_of(row, path) != kind:
            at.refuse(f"not of the kind `{kind}`, as the rows before it are")
        yield at, row


def _read_rows(path: Path) -> Iterator[tuple[int, JsonRow]]:
    """Yield the rows of JSON lines, or of an array; a single JSON object is no table."""
    if path.suffix == ".json":
        with path.open("rb") as file:
            if file.read(_PEEK_BYTES).lstrip().startswith(b"{"):
                return iter(())
        return array(path)
    return rows(path)
