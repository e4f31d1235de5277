"""Export a run as other tools' files, or as a bundle."""

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
    """Write a run as the files of a format and return their paths.

    Rows that were imported in this format are restored, with the fields that our records do not
    have.

    Args:
        name: the name of the format, or `bundle`.
        folder: the folder of the run.
        to: the folder for the files.

    Raises:
        ConfigError: the format or the run does not exist, there is nothing to write, or a file exists.
        InputError: a file of the run is damaged.
    """
    if name == BUNDLE_FORMAT:
        return (write_bundle(folder, to),)
    format_ = find_format(name)
    records = read_run(folder)
    source = SourceRows(row for row in read_foreign_rows(folder) if row.format == name)
    rendered = format_.render_files(records, source)
    files = {to / path: content for path, content in rendered.items() if content}
    if not files:
        msg = f"{folder}: holds nothing that {name} has a file for"
        raise ConfigError(msg)
    existing = [path for path in files if path.exists()]
    if existing:
        msg = f"{existing[0]}: is there already; choose another folder with --to"
        raise ConfigError(msg)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tuple(files)
