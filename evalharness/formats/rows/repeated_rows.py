"""Recognize rows that stand twice, and decide which of them counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain import compute_digest
from evalharness.errors import InputError
from evalharness.formats.rows.row_reader import read_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalharness.formats.rows.row_location import RowLocation

_EQUAL = "stand twice; each counts once"
_UNSCORED = "have no score and stand twice; the row with a score counts"
_REGRADED = "stand again with another score, as after a second run; the later one counts"


@dataclass(frozen=True, slots=True)
class _RegisteredRow:
    digest: bytes
    location: RowLocation
    is_scored: bool


class RepeatedRows:
    """The rows of an import by kind and key."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._rows: dict[tuple[str, str], _RegisteredRow] = {}
        self._repeats: Counter[tuple[Path, str, str]] = Counter()

    @property
    def number(self) -> int:
        """The number of rows that do not count, because another row has the same key."""
        return sum(self._repeats.values())

    def register(
        self,
        kind: str,
        key: str,
        row: Mapping[str, Any],
        location: RowLocation,
        *,
        is_scored: bool = True,
        later_counts: bool = False,
    ) -> bool:
        """Return whether a row counts: it is new, or it replaces the row with the same key.

        Args:
            kind: the kind of the row, for messages.
            key: the key of the row within its kind.
            row: its content.
            location: its place.
            is_scored: whether it has a result; a row with one replaces a row without.
            later_counts: whether a later row of the same file replaces an earlier one.

        Raises:
            InputError: another row has the same key and other content.
        """
        compared = read_ids(row)
        if "question_id" in compared:
            compared["question_id"] = str(compared["question_id"])
        new = _RegisteredRow(bytes.fromhex(compute_digest(compared)), location, is_scored)
        known = self._rows.setdefault((kind, key), new)
        if known is new:
            return True
        replaces, remark = False, _EQUAL
        if known.digest != new.digest:
            replaces, remark = _choose_row(kind, known, new, later_counts=later_counts)
        self._repeats[location.path, kind, remark] += 1
        if replaces:
            self._rows[kind, key] = new
        return replaces

    def describe(self) -> list[str]:
        """Return a sentence for each file and kind with repeated rows."""
        return [
            f"{path}: {number} rows ({kind}) {remark}"
            for (path, kind, remark), number in self._repeats.items()
        ]


def _choose_row(
    kind: str, known: _RegisteredRow, new: _RegisteredRow, *, later_counts: bool
) -> tuple[bool, str]:
    """Return whether the new one of two different rows counts, and how that is said."""
    if known.is_scored != new.is_scored:
        return new.is_scored, _UNSCORED
    is_same_file = known.location.path == new.location.path
    if is_same_file and (later_counts or not new.is_scored):
        return True, _REGRADED if new.is_scored else _UNSCORED
    msg = f"this {kind} stands twice, and not alike: also {known.location}; remove the wrong row"
    raise InputError(msg, path=new.location.path, line=new.location.line)
