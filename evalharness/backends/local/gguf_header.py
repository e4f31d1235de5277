"""How many numbers a GGUF file holds, read from its header without its tensors.

The library gguf reads it too, but takes seconds for a vocabulary, and `plan` is to answer at once.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = int.from_bytes(b"GGUF", "little")
_VERSIONS = (2, 3)
_VALUE_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value by its type; texts and arrays tell theirs."""
_TEXT, _ARRAY = 8, 9


def count_gguf_parameters(path: Path) -> float | None:
    """Return how many numbers all tensors have together; None for what is no such file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _HeaderReader(data).numbers()
    except (OSError, ValueError, LookupError, struct.error):  # loading will say what is wrong
        return None


class _HeaderReader:
    """A place in the header, which moves on as values are read."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._place = 0

    def numbers(self) -> float:
        magic, version, tensors, entries = self._take("<IIQQ")
        if magic != _MAGIC or version not in _VERSIONS:
            msg = "no GGUF file of a known version"
            raise ValueError(msg)
        for _ in range(entries):
            self._skip_text()
            self._skip(*self._take("<I"))
        return float(sum(self._tensor() for _ in range(tensors)))

    def _take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(layout, self._data, self._place)
        self._place += struct.calcsize(layout)
        return values

    def _skip_text(self) -> None:
        (length,) = self._take("<Q")
        self._place += length

    def _skip(self, kind: int, count: int = 1) -> None:
        """Move beyond so many values of a type."""
        if kind == _TEXT:
            for _ in range(count):
                self._skip_text()
        elif kind == _ARRAY:
            for _ in range(count):
                self._skip(*self._take("<IQ"))
        else:
            self._place += _VALUE_BYTES[kind] * count

    def _tensor(self) -> int:
        """Return the numbers of the next tensor."""
        self._skip_text()
        (dimensions,) = self._take("<I")
        shape = self._take(f"<{dimensions}Q")
        self._take("<IQ")  # how they are quantized, and where they are
        return math.prod(shape)
