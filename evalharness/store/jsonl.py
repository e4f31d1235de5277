"""JSON lines as records: strict in reading, one write a line in writing."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evalharness.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Record = TypeVar("Record")
_SYNC_EVERY_S = 5.0


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Return the records of a file that a run wrote; an absent file has none.

    A last line without its newline that cannot be read is what a killed process left: it is
    dropped.

    Raises:
        InputError: another line is not JSON, not UTF-8, or not such a record.
    """
    return [record for _, record in read_numbered_records(path, kind, may_be_torn=True)]


def read_numbered_records(
    path: Path, kind: Any, *, may_be_torn: bool = False
) -> Iterator[tuple[int, Any]]:
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
                remedy = "; delete the line, and what it held is had anew" if may_be_torn else ""
                msg = f"{error}{remedy}"
                raise InputError(msg, path=path, line=number) from error
            yield number, record


def encode_record(record: Any) -> bytes:
    """Return a record as one line."""
    return msgspec.json.encode(record) + b"\n"


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Replace a file by these records, all or nothing."""
    replace_file(path, b"".join(encode_record(record) for record in records))


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content, all or nothing: a reader sees the old or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk its space is wanted
        raise


def remove_stale_temporary_files(folder: Path) -> None:
    """Remove what killed processes left of files that they were about to replace."""
    for path in folder.glob(".*.*"):
        process = path.suffix.removeprefix(".")
        if process.isdigit() and not _is_alive(int(process)):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class RecordAppender:
    """Appends records to a file, each in one write, so that a kill can tear only the last line."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._synced = time.monotonic()
        _repair_last_line(path, self._descriptor)
        self._length = os.fstat(self._descriptor).st_size

    def append(self, record: Any) -> None:
        """Write one record; it is the operating system's when this returns, and soon the disk's.

        Raises:
            OSError: it could not be written whole; nothing of it is left in the file.
        """
        line = encode_record(record)
        try:
            _write_fully(self._descriptor, line)
        except OSError:
            os.ftruncate(self._descriptor, self._length)
            raise
        self._length += len(line)
        if time.monotonic() - self._synced > _SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Bring everything to the disk, where it outlives a loss of power."""
        os.fsync(self._descriptor)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        try:
            self.sync()
        finally:
            os.close(self._descriptor)


def _write_fully(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _repair_last_line(path: Path, descriptor: int) -> None:
    """Cut what a killed process wrote of its last line; end the line where only its end is missing."""
    with path.open("rb") as file:
        whole = 0
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
        else:
            return
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        os.ftruncate(descriptor, whole)
    else:
        _write_fully(descriptor, b"\n")
