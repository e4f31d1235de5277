"""A bundle checked by whoever receives it, offline: hashes, decisions, and every figure again.

Hashes show what was changed after sealing. Someone who seals again can make them fit, so each
decision is also read anew from the judge's reply, and the tables are computed anew from the
decisions.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from evalharness.cli import FAILED, OK, print_lines, print_problems
from evalharness.exchange.bundle.unpack import unpack_bundle
from evalharness.judge import check_decisions
from evalharness.report import render_run_tables
from evalharness.store import read_run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from evalharness.exchange.bundle.unpack import UnpackedBundle

RELATIVE_TOLERANCE = 1e-9
"""Relative: other processors add in another order; one verdict of 30,000 moves ratings by 1e-5."""

_MAX_DIFFERENCES = 20
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCheck:
    """What was checked, in lines, and every difference; none when all is as it was sealed."""

    checked: tuple[str, ...]
    differences: tuple[str, ...]


def run_verify_command(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Check a bundle from the command line: exit code 0 when all is as sealed, 1 when it is not."""
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="what `export bundle` wrote")
    parser.add_argument("--signature", metavar="HEX", help="the signature that it must have")
    given = parser.parse_args(arguments)
    found = verify_bundle(given.bundle, given.signature)
    print_lines(found.checked)
    print_problems(found.differences[:_MAX_DIFFERENCES])
    if not found.differences:
        print_lines(["verified  every figure follows from what the bundle holds"])
        return OK
    print_problems([f"{len(found.differences):,} differences: not verified"])
    return FAILED


def verify_bundle(path: Path, expected: str | None = None) -> BundleCheck:
    """Return what a bundle's content shows when it is hashed, read and computed again.

    Args:
        path: the archive.
        expected: its signature as it was published, where there is one.

    Raises:
        InputError: it is no bundle, or a file in it cannot be read.
    """
    with TemporaryDirectory() as place:
        folder = Path(place, "run")
        unpacked = unpack_bundle(path, folder)
        found = check_unpacked_run(folder, unpacked)
    changes = [*unpacked.changes(), *found.differences]
    own = unpacked.contents["signature"]
    if expected not in (None, own):
        changes.append(f"the signature is {own}, not {expected}")
    return replace(found, differences=tuple(changes))


def check_unpacked_run(folder: Path, unpacked: UnpackedBundle) -> BundleCheck:
    """Return whether decisions and figures follow from what a bundle was unpacked to.

    Raises:
        ConfigError, InputError: a file in it cannot be read.
    """
    records = read_run(folder)
    reread = check_decisions(records)
    figures = _FigureComparison()
    differences = list(reread.differences)
    for name, text in render_run_tables(folder, records).items():
        sealed = (folder / name).read_bytes() if (folder / name).is_file() else b""
        differences += figures.compare(name, sealed.decode(errors="replace"), text)
    contents = unpacked.contents
    versions = ", ".join(f"{name} {number}" for name, number in contents["versions"].items())
    return BundleCheck(
        checked=(
            f"bundle    {contents['run']}, sealed with {versions}",
            f"signature {contents['signature']}",
            f"files     {len(unpacked.hashes):,}, each with its hash",
            f"decisions {reread.again:,} of {reread.total:,} read again from the judge's reply",
            f"figures   {figures.count:,} computed again",
        ),
        differences=tuple(differences),
    )


class _FigureComparison:
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
            if old != new and not _lines_agree(old, new):
                yield f"{name}, line {number}: {old.strip()[:80]}, computed again {new.strip()[:80]}"


def _lines_agree(old: str, new: str) -> bool:
    """Whether two lines have the same words, and figures that differ by rounding only."""
    if _NUMBER.split(old) != _NUMBER.split(new):
        return False
    pairs = zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True)
    return all(
        math.isclose(
            float(one), float(other), rel_tol=RELATIVE_TOLERANCE, abs_tol=RELATIVE_TOLERANCE
        )
        for one, other in pairs
    )
