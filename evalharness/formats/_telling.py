"""What a foreign file holds, told from its first row; all its other rows must be of that kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.formats._gathering import At
from evalharness.formats._reading import array, files_in, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from evalharness.formats._gathering import Gathering
    from evalharness.formats._reading import Row

    Telling = Callable[[Row, Path], str | None]

_START = 64


def files_by_kind(
    paths: Sequence[Path], suffix: str, kind_of: Telling, gathering: Gathering
) -> dict[str, list[Path]]:
    """Return the files of each kind; what a folder holds besides is named in a warning.

    Raises:
        InputError: a file that was asked for by its name is of no kind, or cannot be read.
        ConfigError: a path does not exist.
    """
    found: dict[str, list[Path]] = {}
    for path in files_in(paths, suffix):
        kind = next((kind_of(row, path) for _, row in _read(path)), None)
        if kind is not None:
            found.setdefault(kind, []).append(path)
            gathering.paths.append(path)
        elif path in paths:
            At(path=path, line=1).refuse(f"this is no file of the format {gathering.format}")
        else:
            said = f"not read, as it is no file of the format {gathering.format}"
            gathering.warnings.append(f"{path}: {said}")
    return found


def rows_of(kind: str, path: Path, kind_of: Telling) -> Iterator[tuple[At, Row]]:
    """Yield the rows of a file that holds one kind of them.

    Raises:
        InputError: a row is of another kind, or cannot be read.
    """
    for line, row in _read(path):
        at = At(path=path, line=line)
        if kind_of(row, path) != kind:
            at.refuse(f"not of the kind `{kind}`, as the rows before it are")
        yield at, row


def _read(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield the rows of JSON lines, or of an array; a single JSON object is no table."""
    if path.suffix == ".json":
        with path.open("rb") as file:
            if file.read(_START).lstrip().startswith(b"{"):
                return iter(())
        return array(path)
    return rows(path)
