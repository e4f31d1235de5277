"""Count the parameters of a GGUF file from its header, without reading its tensors.

The library gguf can read it too, but takes seconds for the vocabulary, and `plan` must be fast.
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
"""Bytes of a value by its type; texts and arrays store their length."""
_TEXT, _ARRAY = 8, 9


def count_gguf_parameters(path: Path) -> float | None:
    """Return the number of parameters of all tensors; None for a file of another format."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _HeaderReader(data).numbers()
    except (OSError, ValueError, LookupError, struct.error):  # loading reports what is wrong
        return None


class _HeaderReader:
    """A position in the header, which advances as values are read."""

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
        """Skip a number of values of a type."""
        if kind == _TEXT:
            for _ in range(count):
                self._skip_text()
        elif kind == _ARRAY:
            for _ in range(count):
                self._skip(*self._take("<IQ"))
        else:
            self._place += _VALUE_BYTES[kind] * count

    def _tensor(self) -> int:
        """Return the number of parameters of the next tensor."""
        self._skip_text()
        (dimensions,) = self._take("<I")
        shape = self._take(f"<{dimensions}Q")
        self._take("<IQ")  # the quantization type and the offset
        return math.prod(shape)
