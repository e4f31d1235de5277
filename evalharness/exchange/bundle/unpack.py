"""Unpack a bundle from an untrusted source.

Names that lead out of the folder, links, files that expand too much, and files that do not belong to a
run are refused before anything is written.
"""

from __future__ import annotations

import errno
import hashlib
import json
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from evalharness.domain import escape_to_one_line
from evalharness.errors import InputError
from evalharness.exchange.bundle.write import (
    BUNDLED_SUFFIXES,
    CONTENTS_FILE,
    FORMAT_VERSION,
    bundle_signature,
)
from evalharness.store import refuse_special_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
_DAMAGE_ERRORS = {errno.EINVAL, errno.ENAMETOOLONG}
"""Errors of the file system that offsets or names in a damaged archive lead to."""
_MAX_EXPANSION_RATIO = 200
"""Relative to the size of the archive; records of runs are compressed to a tenth or a fiftieth."""
_ALWAYS_ALLOWED_BYTES = 64 << 20  # the expanded size that any archive may have


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedBundle:
    """The content of `bundle.json`, and the hashes of the unpacked files.

    Attributes:
        contents: the content of `bundle.json`: the sealed hashes, the signature, the versions.
        hashes: the SHA-256 of the unpacked files by their names.
    """

    contents: Mapping[str, Any]
    hashes: Mapping[str, str]

    def changes(self) -> Iterator[str]:
        """Yield a line for each difference between the unpacked and the sealed files."""
        sealed = self.contents["files"]
        for name in sorted(sealed.keys() | self.hashes.keys()):
            if name not in self.hashes:
                yield f"{name}: is missing"
            elif name not in sealed:
                yield f"{name}: was added after sealing"
            elif sealed[name] != self.hashes[name]:
                yield f"{name}: was changed after sealing (its SHA-256 is another)"
        if bundle_signature(self.contents) != self.contents["signature"]:
            yield f"{CONTENTS_FILE}: the signature is not that of what it says"


def unpack_bundle(path: Path, folder: Path) -> UnpackedBundle:
    """Write the files of a bundle, except `bundle.json`, into a folder; return what was unpacked.

    Raises:
        InputError: the file is not a complete bundle that this release can read, or a file in it does not
            belong to a run.
    """
    if not path.is_dir():
        refuse_special_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if CONTENTS_FILE in archive.namelist():
                _refuse_unsafe_entries(entries, path)
            contents = _read_contents(archive, path)
            hashes = {
                entry.filename: _extract_file(archive, entry, folder / entry.filename)
                for entry in entries
                if entry.filename != CONTENTS_FILE
            }
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, RuntimeError, zlib.error) as error:
        msg = f"not a whole archive ({error}); `export bundle RUN` makes one"
        raise InputError(msg, path=path) from error
    except FileNotFoundError as error:
        msg = "there is no such file"
        raise InputError(msg, path=path) from error
    except IsADirectoryError as error:
        msg = "is a folder, not a bundle; `export bundle RUN` makes an archive of a run"
        raise InputError(msg, path=path) from error
    except OSError as error:
        if error.errno not in _DAMAGE_ERRORS:
            raise
        msg = f"not a whole archive ({error.strerror}); `export bundle RUN` makes one"
        raise InputError(msg, path=path) from error
    return UnpackedBundle(contents=contents, hashes=hashes)


def _refuse_unsafe_entries(entries: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Refuse an archive with unsafe or repeated names, or with files that expand too much."""
    unsafe = _find_unsafe_name(entries)
    if unsafe is not None:
        msg = f"{escape_to_one_line(repr(unsafe))} is no name in a bundle, or stands twice"
        raise InputError(msg, path=path)
    size = sum(entry.file_size for entry in entries)
    max_size = max(_ALWAYS_ALLOWED_BYTES, _MAX_EXPANSION_RATIO * path.stat().st_size)
    if size > max_size:
        msg = (
            f"would swell to {size / 1e6:,.0f} MB, more than {_MAX_EXPANSION_RATIO} times its size; "
            "no bundle does"
        )
        raise InputError(msg, path=path)


def _find_unsafe_name(entries: Sequence[zipfile.ZipInfo]) -> str | None:
    """Return a name that is unsafe, repeated, or both a file and a folder; None if all are safe."""
    names = [entry.filename for entry in entries]
    unsafe = next((entry.filename for entry in entries if not _is_safe_entry(entry)), None)
    if unsafe is not None:
        return unsafe
    if len({name.casefold() for name in names}) < len(names):
        return "a file"
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    return next((name for name in names if name in folders), None)


def _is_safe_entry(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry is a plain file of a run, with a name inside the folder."""
    name, kind = PurePosixPath(entry.filename), stat.S_IFMT(entry.external_attr >> 16)
    is_inside = str(name) == entry.filename and not name.is_absolute() and ".." not in name.parts
    is_portable = entry.filename.isprintable() and not set("\\:") & set(entry.filename)
    is_file = kind in (0, stat.S_IFREG) and name.suffix in BUNDLED_SUFFIXES
    is_readable = entry.compress_type in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
    return is_inside and is_portable and is_file and is_readable


def _extract_file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> str:
    """Write a file block by block and return its SHA-256."""
    sha256 = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("xb") as file:
        while block := source.read(_BLOCK_BYTES):
            sha256.update(block)
            file.write(block)
    return sha256.hexdigest()


def _read_contents(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """Return the content of `bundle.json`, after checking the format version.

    Raises:
        InputError: the archive is not a bundle, or this release cannot read its format version.
    """
    try:
        contents = (
            json.loads(archive.read(CONTENTS_FILE)) if CONTENTS_FILE in archive.namelist() else {}
        )
    except (ValueError, RecursionError):
        contents = {}
    number = contents.get("format") if isinstance(contents, dict) else None
    if type(number) is int and number > FORMAT_VERSION:
        msg = (
            f"a bundle of format {number}, and this release reads formats up to {FORMAT_VERSION}; "
            "use the release that sealed it, or a later one"
        )
        raise InputError(msg, path=path)
    if type(number) is not int or number < 1 or not _is_complete(contents):
        msg = f"no bundle of this release (no {CONTENTS_FILE} of format {FORMAT_VERSION})"
        raise InputError(msg, path=path)
    return dict(contents)


def _is_complete(contents: Mapping[str, Any]) -> bool:
    """Return whether `bundle.json` has all that every format requires, and nothing else."""
    names = {"format", "run", "python", "versions", "signature", "files"}
    if contents.keys() - {"python"} != names - {"python"}:
        return False
    texts = [contents["run"], contents["signature"], contents.get("python", "")]
    for key in ("versions", "files"):
        if not isinstance(contents[key], dict):
            return False
        texts += contents[key].values()
    return all(isinstance(text, str) for text in texts)
