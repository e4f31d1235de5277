"""A bundle checked by whoever receives it, offline: hashes, decisions, and every figure again.

Hashes show what was changed after sealing. Someone who seals again can make them fit, so each
decision is also read anew from the judge's reply, and the tables are computed anew from the
decisions.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from evalharness import ending, rereading
from evalharness.bundling import CONTENTS, FORMAT, signature
from evalharness.ending import FAILED, OK
from evalharness.errors import InputError
from evalharness.publishing import tables_of
from evalharness.resuming import is_folder_name
from evalharness.store.run_folder import read_run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

TOLERANCE = 1e-9
"""Relative: other processors add in another order; one verdict of 30,000 moves ratings by 1e-5."""

_SHOWN = 20
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was checked, in lines, and every difference; none when all is as it was sealed."""

    checked: tuple[str, ...]
    differences: tuple[str, ...]


def main(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Check a bundle from the command line: exit code 0 when all is as sealed, 1 when it is not."""
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="what `export bundle` wrote")
    parser.add_argument("--signature", metavar="HEX", help="the signature that it must have")
    given = parser.parse_args(arguments)
    found = verify(given.bundle, given.signature)
    ending.tell(found.checked)
    ending.warn(found.differences[:_SHOWN])
    if not found.differences:
        ending.tell(["verified  every figure follows from what the bundle holds"])
        return OK
    ending.warn([f"{len(found.differences):,} differences: not verified"])
    return FAILED


def verify(path: Path, expected: str | None = None) -> Verified:
    """Return what a bundle's content shows when it is hashed, read and computed again.

    Args:
        path: the archive.
        expected: its signature as it was published, where there is one.

    Raises:
        InputError: it is no bundle, or a file in it cannot be read.
    """
    files = _unpack(path)
    contents = _contents(files.pop(CONTENTS, None), path)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    differences = list(_changed(contents["files"], hashes))
    if signature(contents["files"]) != contents["signature"]:
        differences.append(f"{CONTENTS}: the signature is not that of the files it lists")
    if expected not in (None, contents["signature"]):
        differences.append(f"the signature is {contents['signature']}, not {expected}")
    with TemporaryDirectory() as place:
        run = str(contents["run"])
        folder = Path(place, run if is_folder_name(run) else "run")
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        records = read_run(folder)
        reread = rereading.decisions(records)
        figures = _Figures()
        differences += reread.differences
        for name, text in tables_of(folder, records).items():
            differences += figures.compare(
                name, files.get(name, b"").decode(errors="replace"), text
            )
    sealed = ", ".join(f"{name} {number}" for name, number in contents["versions"].items())
    return Verified(
        checked=(
            f"bundle    {contents['run']}, sealed with {sealed}",
            f"signature {contents['signature']}",
            f"files     {len(files):,}, each with its hash",
            f"decisions {reread.again:,} of {reread.total:,} read again from the judge's reply",
            f"figures   {figures.count:,} computed again",
        ),
        differences=tuple(differences),
    )


def _unpack(path: Path) -> dict[str, bytes]:
    """Return the files of an archive by name; no name leads out of a folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
            outside = [
                name
                for name in names
                if PurePosixPath(name).is_absolute()
                or ".." in PurePosixPath(name).parts
                or "\\" in name
            ]
            if outside or len(names) != len(set(names)):
                msg = f"{(outside or ['a file'])[0]!r} is no name in a bundle, or stands twice"
                raise InputError(msg, path=path)
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, RuntimeError) as error:
        msg = f"not a whole archive ({error}); `export bundle RUN` makes one"
        raise InputError(msg, path=path) from error


def _contents(text: bytes | None, path: Path) -> dict[str, Any]:
    """Return what a bundle says of itself."""
    try:
        found = json.loads(text or b"")
        is_known = found["format"] == FORMAT and found.keys() >= {"run", "versions", "signature"}
        is_known = is_known and isinstance(found["files"], dict)
        is_known = is_known and isinstance(found["versions"], dict)
    except (ValueError, KeyError, TypeError):
        is_known = False
    if not is_known:
        msg = f"no bundle of this release (no {CONTENTS} of format {FORMAT})"
        raise InputError(msg, path=path)
    return dict(found)


def _changed(sealed: Mapping[str, str], hashes: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(sealed.keys() | hashes.keys()):
        if name not in hashes:
            yield f"{name}: is missing"
        elif name not in sealed:
            yield f"{name}: was added after sealing"
        elif sealed[name] != hashes[name]:
            yield f"{name}: was changed after sealing (its SHA-256 is another)"


class _Figures:
    """Counts the figures that were compared."""

    def __init__(self) -> None:
        self.count = 0

    def compare(self, name: str, sealed: str, computed: str) -> Iterator[str]:
        """Yield the lines of a table whose words or figures are not those computed again."""
        before, now = sealed.splitlines(), computed.splitlines()
        if len(before) != len(now):
            yield f"{name}: has {len(before)} lines, computed again {len(now)}"
        for number, (old, new) in enumerate(zip(before, now, strict=False), start=1):
            self.count += len(_NUMBER.findall(new))
            if old != new and not _agree(old, new):
                yield f"{name}, line {number}: {old.strip()[:80]}, computed again {new.strip()[:80]}"


def _agree(old: str, new: str) -> bool:
    """Whether two lines have the same words, and figures that differ by rounding only."""
    if _NUMBER.split(old) != _NUMBER.split(new):
        return False
    pairs = zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True)
    return all(
        math.isclose(float(one), float(other), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for one, other in pairs
    )
