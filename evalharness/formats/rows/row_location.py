"""Name the place of a row in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from evalharness.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLocation:
    """The file and the line of a row."""

    path: Path
    line: int

    def refuse(self, message: str) -> NoReturn:
        """Refuse this row.

        Raises:
            InputError: always; the message begins with the file and the line.
        """
        raise InputError(message, path=self.path, line=self.line)

    def __str__(self) -> str:
        """Return the file and the line."""
        return f"{self.path}:{self.line}"
