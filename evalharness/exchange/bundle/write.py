"""Write a run as one archive with the hash of every file and one signature of them all.

Equal runs make equal archives: the names are sorted, and no time or owner is stored.
"""

from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from evalharness.errors import ConfigError
from evalharness.report import publish_run
from evalharness.store import BUNDLE_CONTENTS_FILE, open_replacement, remove_stale_temporary_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUNDLE_FORMAT = "bundle"
"""The name of our own export format: the whole run as one archive that `verify` checks."""

CONTENTS_FILE = BUNDLE_CONTENTS_FILE
"""The file with the hashes, the signature, and the versions that sealed the bundle."""
FORMAT_VERSION = 2
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
    remove_stale_temporary_files(to, target.name)
    if target.exists():
        msg = f"{target}: is there already; choose another folder with --to"
        raise ConfigError(msg)
    publish_run(folder)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in BUNDLED_SUFFIXES and path.name != CONTENTS_FILE
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    contents: dict[str, Any] = {
        "format": FORMAT_VERSION,
        "run": folder.resolve().name,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _RECORDED_PACKAGES},
        "files": hashes,
    }
    contents["signature"] = bundle_signature(contents)
    to.mkdir(parents=True, exist_ok=True)
    write_archive(target, {CONTENTS_FILE: json.dumps(contents, indent=2).encode() + b"\n", **files})
    return target


def bundle_signature(contents: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that `bundle.json` says: the run, the versions, the files' hashes.

    In format 1 it was that of the names and hashes of the files only.

    Args:
        contents: the content of `bundle.json`; its own signature is left out.
    """
    sealed = {name: value for name, value in contents.items() if name != "signature"}
    if contents["format"] == 1:
        sealed = contents["files"]
    text = json.dumps(sealed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_archive(target: Path, files: Mapping[str, bytes]) -> None:
    """Write an archive whole or not at all; its bytes depend on the files only."""
    with (
        open_replacement(target) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _FIXED_TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
