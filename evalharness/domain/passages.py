"""Passages of a text corpus, as they are read from its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Texts of a corpus file, each with the line in which it begins.

    With `is_written`, the texts' own line breaks are those of the file.
    """

    source: str
    texts: Sequence[str]
    lines: Sequence[int]
    is_written: bool = True
