"""A run as other tools' files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.errors import ConfigError
from evalharness.exchange.bundle.write import BUNDLE_FORMAT, write_bundle
from evalharness.exchange.foreign_import import read_foreign_rows
from evalharness.formats import SourceRows, find_format
from evalharness.store import read_run

if TYPE_CHECKING:
    from pathlib import Path


def export_run_files(name: str, folder: Path, to: Path) -> tuple[Path, ...]:
    """Write a run as the files of a format; return their paths.

    Rows that were imported in this format come back whole, with the fields that we have no place
    for.

    Raises:
        ConfigError: there is no such format or run, nothing to write, or a file is there already.
        InputError: a file of the run is damaged.
    """
    if name == BUNDLE_FORMAT:
        return (write_bundle(folder, to),)
    write = find_format(name).write
    records = read_run(folder)
    source = SourceRows(row for row in read_foreign_rows(folder) if row.format == name)
    files = {to / place: content for place, content in write(records, source).items() if content}
    if not files:
        msg = f"{folder}: holds nothing that {name} has a file for"
        raise ConfigError(msg)
    there = [path for path in files if path.exists()]
    if there:
        msg = f"{there[0]}: is there already; choose another folder with --to"
        raise ConfigError(msg)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tuple(files)
