"""JSON lines as records: strict in reading, one write a line in writing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evalharness.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Record = TypeVar("Record")


def read_own(path: Path, kind: type[Record]) -> list[Record]:
    """Return the records of a file that a run wrote; an absent file has none.

    A last line without its newline that cannot be read is what a killed process left: it is
    dropped.

    Raises:
        InputError: another line is not JSON, not UTF-8, or not such a record.
    """
    return [record for _, record in read_numbered(path, kind, may_be_torn=True)]


def read_numbered(path: Path, kind: Any, *, may_be_torn: bool = False) -> Iterator[tuple[int, Any]]:
    """Yield line numbers (from 1) and records; see `read_own` for torn lines.

    Raises:
        InputError: a line is not JSON, not UTF-8, or not such a record.
    """
    if not path.exists():
        return
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if may_be_torn and not line.endswith(b"\n"):
                    return
                raise InputError(str(error), path=path, line=number) from error
            yield number, record


def dump(record: Any) -> bytes:
    """Return a record as one line."""
    return msgspec.json.encode(record) + b"\n"


def write(path: Path, records: Iterable[Any]) -> None:
    """Replace a file by these records, all or nothing."""
    replace(path, b"".join(dump(record) for record in records))


def replace(path: Path, content: bytes) -> None:
    """Replace a file's content, all or nothing: a reader sees the old or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class Appender:
    """Appends records to a file, each in one write, so that a kill can tear only the last line."""

    def __init__(self, path: Path) -> None:
        _drop_torn_line(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def append(self, record: Any) -> None:
        """Write one record; it is the operating system's when this returns."""
        line = dump(record)
        written = os.write(self._descriptor, line)
        while written < len(line):
            written += os.write(self._descriptor, line[written:])

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)


def _drop_torn_line(path: Path) -> None:
    """Cut what a killed process wrote of its last line."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("rb+") as file:
            file.truncate(whole)
