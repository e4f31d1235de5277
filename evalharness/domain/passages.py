"""Define the passages of a text corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Consecutive texts of a corpus file.

    Attributes:
        source: the path of the file.
        texts: the texts.
        lines: for each text, the line of the file in which it begins, counted from 1.
        is_plain_text: whether the texts have the same line breaks as the file.
    """

    source: str
    texts: Sequence[str]
    lines: Sequence[int]
    is_plain_text: bool = True
