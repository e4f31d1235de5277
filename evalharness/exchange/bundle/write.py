"""Write a run as one archive with the hash of every file and one signature of all hashes.

Equal runs make equal archives: the names are sorted, and no time or owner is stored.
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
"""The name of our own export format: the whole run as one archive that `verify` checks."""

CONTENTS_FILE = "bundle.json"
"""The file with the hashes, the signature, and the versions that sealed the bundle."""
FORMAT_VERSION = 1
"""The version of the archive's format; `verify` refuses bundles with a later version."""
BUNDLED_SUFFIXES = {".jsonl", ".json", ".yaml", ".csv", ".md", ".tex", ".html"}
_RECORDED_PACKAGES = ("evalharness", "numpy", "scipy")
_FIXED_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def write_bundle(folder: Path, to: Path) -> Path:
    """Write the archive of a run, after updating its tables and page; return its path.

    Args:
        folder: the folder of the run.
        to: the folder for the archive.

    Raises:
        ConfigError: there is no run, or the archive exists already.
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
    """Return the SHA-256 of the names and hashes of a bundle's files, sorted by name."""
    text = json.dumps(dict(sorted(hashes.items())), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_archive(target: Path, files: Mapping[str, bytes]) -> None:
    """Write an archive; its bytes depend on the files only."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _FIXED_TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
