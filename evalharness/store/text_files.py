"""Check that a file is UTF-8 text, with or without a byte order mark."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from evalharness.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_PEEK_BYTES = 8
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gzip -d"),
    b"PK\x03\x04": ("a ZIP archive", "unzip"),
    b"\x28\xb5\x2f\xfd": ("Zstandard", "zstd -d"),
    b"\xfd7zXZ\x00": ("xz", "xz -d"),
    b"BZh": ("bzip2", "bzip2 -d"),
}


def check_text_file(path: Path) -> int:
    """Return the number of bytes before the text: 3 for a byte order mark, else 0.

    Raises:
        InputError: the file is no regular file, is UTF-16, UTF-32 or compressed, or cannot be read;
            the message says how to convert it.
    """
    refuse_special_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(_PEEK_BYTES)
    except OSError as error:
        raise InputError(str(error.strerror), path=path) from error
    problem = _find_problem(start)
    if problem:
        raise InputError(problem, path=path, line=1)
    return len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0


def refuse_special_file(path: Path) -> None:
    """Refuse a folder, and what would be waited for without end, as a pipe that nobody writes into.

    Raises:
        InputError: there is something else than a file, or a link to nothing.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe, socket or device"
        msg = f"is {kind}, not a file; write its content into a file first"
        raise InputError(msg, path=path)
    if path.is_symlink() and not path.exists():
        msg = f"is a link to {path.readlink()}, where there is nothing"
        raise InputError(msg, path=path)


def _find_problem(start: bytes) -> str | None:
    """Return why a file that starts with these bytes is no UTF-8 text, or None."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return f"this file is {encoding}; save it as UTF-8 (iconv -f {encoding} -t UTF-8)"
    for magic, (kind, command) in _COMPRESSED.items():
        if start.startswith(magic):
            return f"this file is {kind}, whatever its name says; unpack it first ({command})"
    if start.startswith(2 * codecs.BOM_UTF8):
        return "this file begins with two byte order marks; remove one (tail -c +4)"
    for size in (4, 2):
        if len(start) >= size and start[:size].count(0) == size - 1:
            order = f"UTF-{8 * size}{'BE' if start[0] == 0 else 'LE'}"
            remedy = f"save it as UTF-8 (iconv -f {order} -t UTF-8)"
            return f"this looks like {order} without a mark; {remedy}"
    return None
