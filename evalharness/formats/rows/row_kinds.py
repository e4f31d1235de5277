"""Classify files by the kind of their first row, and check that all rows of a file are of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.formats.rows.row_location import RowLocation
from evalharness.formats.rows.row_reader import find_files, read_json_array, read_json_lines
from evalharness.store import check_text_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.row_reader import JsonRow

    RowClassifier = Callable[[JsonRow, Path], str | None]

_PEEK_BYTES = 64


def find_kind(row: JsonRow, fields_by_kind: Mapping[str, AbstractSet[str]]) -> str | None:
    """Return the first kind whose fields a row has; None if there is none."""
    kinds = (kind for kind, fields in fields_by_kind.items() if fields <= row.keys())
    return next(kinds, None)


def sort_files_by_kind(
    paths: Sequence[Path], suffix: str, classify: RowClassifier, imported: ImportedRecords
) -> dict[str, list[Path]]:
    """Return the files of each kind; a warning names the files in a folder that have no kind.

    Args:
        paths: files and folders.
        suffix: the suffix of the files that are read in a folder.
        classify: returns the kind of a row, or None.
        imported: takes the paths that are read, and the warnings.

    Raises:
        InputError: a file that is named itself has no kind, or a file cannot be read.
        ConfigError: a path does not exist.
    """
    files: dict[str, list[Path]] = {}
    for path in find_files(paths, suffix):
        kind = next((classify(row, path) for _, row in _read_rows(path)), None)
        if kind is not None:
            files.setdefault(kind, []).append(path)
            imported.paths.append(path)
        elif path in paths:
            RowLocation(path=path, line=1).refuse(
                f"this is no file of the format {imported.format}"
            )
        else:
            reason = f"not read, as it is no file of the format {imported.format}"
            imported.warnings.append(f"{path}: {reason}")
    return files


def read_rows_of_kind(
    kind: str, path: Path, classify: RowClassifier
) -> Iterator[tuple[RowLocation, JsonRow]]:
    """Yield the rows of a file, all of which must be of one kind.

    Args:
        kind: the kind.
        path: the file.
        classify: returns the kind of a row, or None.

    Raises:
        InputError: a row is of another kind, or cannot be read.
    """
    for line, row in _read_rows(path):
        location = RowLocation(path=path, line=line)
        if classify(row, path) != kind:
            location.refuse(f"not of the kind `{kind}`, as the rows before it are")
        yield location, row


def _read_rows(path: Path) -> Iterator[tuple[int, JsonRow]]:
    """Yield the rows of JSON lines or of a JSON array; a single JSON object has no rows."""
    if path.suffix == ".json":
        text_start = check_text_file(path)
        with path.open("rb") as file:
            file.seek(text_start)
            if file.read(_PEEK_BYTES).lstrip().startswith(b"{"):
                return iter(())
        return read_json_array(path)
    return read_json_lines(path)
