"""Verify a bundle offline: check its hashes, derive its decisions again, and recompute its tables.

Hashes show changes after sealing. A person who seals a changed run again can make the hashes fit.
Therefore each decision is also derived again from the judge's reply, rows that the configuration
does not know are differences, and each field of the tables is recomputed from the decisions. A
person who invents replies as well cannot be found this way; see `ssh_signature`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from evalharness.exchange.bundle.request_check import check_requests
from evalharness.exchange.bundle.row_check import find_unknown_rows, list_imported_digests
from evalharness.exchange.bundle.ssh_signature import check_signature
from evalharness.exchange.bundle.table_comparison import TableComparison
from evalharness.exchange.bundle.unpack import unpack_bundle
from evalharness.formats import UnmappedFields
from evalharness.judge import check_decisions
from evalharness.report import render_run_tables
from evalharness.store import FOREIGN_ROWS_FILE, read_records, read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.exchange.bundle.request_check import RequestCheck
    from evalharness.exchange.bundle.unpack import UnpackedBundle
    from evalharness.judge import DecisionCheck

_REQUIRED_TABLE = "leaderboard.json"
"""The table that bundles of every release have."""


_UNCHECKED_FILES = ("report.html", "audit.json", "drift.json", "flags.jsonl", "benchmarks.jsonl")
"""Files with figures that rest on more than the judgments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCheck:
    """The result of checking a bundle.

    Attributes:
        checked: lines that say what was checked.
        differences: a line for each difference; none if the bundle is verified.
    """

    checked: tuple[str, ...]
    differences: tuple[str, ...]


def verify_bundle(
    path: Path, expected: str | None = None, signer: Path | None = None
) -> BundleCheck:
    """Check that a bundle is unchanged since it was sealed, and that its tables follow from its records.

    Args:
        path: the archive.
        expected: its published signature; None if there is none.
        signer: a file with the public keys of which one must have signed it; None asks for none.

    Raises:
        ConfigError: the signature of a key cannot be checked: `ssh-keygen` or a file is missing.
        InputError: the file is not a bundle that this release can read, or a file in it is damaged.
    """
    signed = check_signature(path, signer) if signer else None
    with TemporaryDirectory() as place:
        folder = Path(place, "run")
        unpacked = unpack_bundle(path, folder)
        check = check_unpacked_run(folder, unpacked)
    differences = [*unpacked.changes(), *check.differences]
    own = unpacked.contents["signature"]
    if expected not in (None, own):
        differences.append(f"the signature is {own}, not {expected}")
    if signed and signed.problem:
        differences.append(signed.problem)
    checked = (*check.checked, *([f"signed    {signed.owner}"] if signed and signed.owner else []))
    return replace(check, checked=checked, differences=tuple(differences))


def check_unpacked_run(folder: Path, unpacked: UnpackedBundle) -> BundleCheck:
    """Check that the decisions and tables of an unpacked bundle follow from its records.

    Raises:
        ConfigError, InputError: a file in it cannot be read.
    """
    records = read_run(folder)
    imported = list_imported_digests(read_records(folder / FOREIGN_ROWS_FILE, UnmappedFields))
    decisions = check_decisions(records, imported)
    contents = unpacked.contents
    is_same_release = contents["versions"].get("evalharness") == version("evalharness")
    tables = TableComparison(is_same_release=is_same_release)
    requests = check_requests(records, imported)
    differences = [*decisions.differences, *find_unknown_rows(records, imported)]
    differences += requests.differences if is_same_release else ()
    for name, computed in render_run_tables(folder, records).items():
        sealed = _read_sealed_table(folder / name)
        differences += tables.compare_table(name, sealed, computed)
    if not (folder / _REQUIRED_TABLE).is_file():
        differences.append(f"{_REQUIRED_TABLE}: is missing")
    versions = ", ".join(f"{name} {number}" for name, number in contents["versions"].items())
    return BundleCheck(
        checked=(
            f"bundle    {contents['run']}, sealed with {versions}",
            f"signature {contents['signature']}",
            f"files     {len(unpacked.hashes):,}, each with its hash",
            f"decisions {_describe_decisions(decisions)}",
            f"requests  {_describe_requests(requests)}",
            f"figures   {tables.figures:,} computed again",
            *_list_unchecked_files(unpacked),
            *_describe_other_release(tables),
        ),
        differences=tuple(differences),
    )


def _describe_decisions(check: DecisionCheck) -> str:
    text = f"{check.checked:,} of {check.total:,} derived again from the judge's reply"
    if not check.imported:
        return text
    return f"{text}; {check.imported:,} imported, which follow other tools' rules, are not"


def _describe_requests(check: RequestCheck) -> str:
    """Return how many judgments are of the questions, answers and settings in the bundle."""
    agree = check.checked - len(check.differences)
    return f"{agree:,} of {check.total:,} are of these questions, answers, prompts and settings"


def _list_unchecked_files(unpacked: UnpackedBundle) -> Iterator[str]:
    """Yield a line with the files whose figures are not derived again."""
    if present := [name for name in _UNCHECKED_FILES if name in unpacked.hashes]:
        yield f"unchecked {', '.join(present)}: as they were sealed; `import bundle` makes the page again"


def _read_sealed_table(path: Path) -> str | None:
    return path.read_bytes().decode(errors="replace") if path.is_file() else None


def _describe_other_release(tables: TableComparison) -> Iterator[str]:
    """Yield lines about differences between this release and the release that sealed the bundle."""
    if tables.absent:
        yield f"columns   not in the bundle, so not compared: {'; '.join(tables.absent)}"
    if tables.reworded:
        yield f"sentences {tables.reworded:,} with other words in this release, so not compared"
