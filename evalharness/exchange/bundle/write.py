"""A run as one archive that others can check: every file, its hash, and one signature of them all.

Equal runs make equal archives: names are sorted, and no time or owner is kept.
"""

from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from importlib.metadata import version
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError
from evalharness.report import publish_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUNDLE_FORMAT = "bundle"
"""The format that is no other tool's: the whole run as one archive that `verify` checks."""

CONTENTS_FILE = "bundle.json"
FORMAT_VERSION = 1
BUNDLED_SUFFIXES = {".jsonl", ".json", ".yaml", ".csv", ".md", ".tex", ".html"}
_RECORDED_PACKAGES = ("evalharness", "numpy", "scipy")
_FIXED_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def write_bundle(folder: Path, to: Path) -> Path:
    """Write a run's archive, its tables and page made anew; return its path.

    Raises:
        ConfigError: there is no run, or the archive is there already.
        InputError: a file of the run is damaged.
    """
    target = to / f"{folder.resolve().name}.zip"
    if target.exists():
        msg = f"{target}: is there already; choose another folder with --to"
        raise ConfigError(msg)
    publish_run(folder)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in BUNDLED_SUFFIXES
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    contents = {
        "format": FORMAT_VERSION,
        "run": folder.resolve().name,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _RECORDED_PACKAGES},
        "signature": bundle_signature(hashes),
        "files": hashes,
    }
    to.mkdir(parents=True, exist_ok=True)
    write_archive(target, {CONTENTS_FILE: json.dumps(contents, indent=2).encode() + b"\n", **files})
    return target


def bundle_signature(hashes: Mapping[str, str]) -> str:
    """Return the SHA-256 of a bundle's content: its files' names and hashes, in order of names."""
    text = json.dumps(dict(sorted(hashes.items())), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_archive(target: Path, files: Mapping[str, bytes]) -> None:
    """Write an archive whose bytes depend on the files alone."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _FIXED_TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
