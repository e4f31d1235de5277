"""Export a run as other tools' files, or as a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.errors import ConfigError
from evalharness.exchange.bundle.ssh_signature import check_signing_key, sign_file
from evalharness.exchange.bundle.write import BUNDLE_FORMAT, write_bundle
from evalharness.exchange.foreign_import import read_foreign_rows
from evalharness.formats import SourceRows, find_format
from evalharness.store import read_run, remove_stale_temporary_files, replace_file

if TYPE_CHECKING:
    from pathlib import Path


def export_run_files(
    name: str, folder: Path, to: Path, sign: Path | None = None
) -> tuple[Path, ...]:
    """Write a run as the files of a format and return their paths.

    Rows that were imported in this format are restored, with the fields that our records do not
    have.

    Args:
        name: the name of the format, or `bundle`.
        folder: the folder of the run.
        to: the folder for the files.
        sign: the SSH key that signs a bundle, or its public key where an agent holds it.

    Raises:
        ConfigError: the format or the run does not exist, there is nothing to write, a file exists, or
            the bundle cannot be signed.
        InputError: a file of the run is damaged.
    """
    if name == BUNDLE_FORMAT:
        return _write_signed_bundle(folder, to, sign)
    if sign is not None:
        msg = f"--sign: only bundles are signed, not files of {name}; leave --sign out"
        raise ConfigError(msg)
    format_ = find_format(name)
    records = read_run(folder)
    source = SourceRows(row for row in read_foreign_rows(folder) if row.format == name)
    rendered = format_.render_files(records, source)
    files = {to / path: content for path, content in rendered.items() if content}
    if not files:
        msg = f"{folder}: holds nothing that {name} has a file for"
        raise ConfigError(msg)
    existing = [path for path in files if path.exists()]
    is_unfinished = len(existing) < len(files) and all(
        path.is_file() and path.read_bytes() == files[path] for path in existing
    )
    if existing and not is_unfinished:
        msg = f"{existing[0]}: is there already; choose another folder with --to"
        raise ConfigError(msg)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_temporary_files(path.parent, path.name)
        replace_file(path, content)
    return tuple(files)


def _write_signed_bundle(folder: Path, to: Path, sign: Path | None) -> tuple[Path, ...]:
    """Write a bundle, and its signature if there is a key; return their paths."""
    if sign is not None:
        check_signing_key(sign)
    path = write_bundle(folder, to)
    return (path,) if sign is None else (path, sign_file(path, sign))
