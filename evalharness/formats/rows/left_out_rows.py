"""Count the rows that an import leaves out, by file and reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.formats.rows.row_location import RowLocation


class LeftOutRows:
    """The rows that an import leaves out."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._lines: dict[tuple[Path, str], list[int]] = {}

    @property
    def number(self) -> int:
        """The number of these rows."""
        return sum(map(len, self._lines.values()))

    def add(self, reason: str, location: RowLocation) -> None:
        """Add a row.

        Args:
            reason: why it is left out.
            location: its place.
        """
        self._lines.setdefault((location.path, reason), []).append(location.line)

    def describe(self) -> list[str]:
        """Return a sentence for each file and reason."""
        return [
            f"{path}: {len(lines)} rows left out, the first in line {lines[0]}: {reason}"
            for (path, reason), lines in self._lines.items()
        ]
