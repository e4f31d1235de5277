"""Read and write records as JSON lines, and replace files atomically."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evalharness.errors import InputError
from evalharness.store.text_files import check_text_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

Record = TypeVar("Record")
_SYNC_EVERY_S = 5.0
_STAGING_NAME = "unpacking"


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Return the records of a file that a run wrote; empty if the file does not exist.

    A killed process may leave an incomplete last line without a newline. Such a line is dropped.

    Args:
        path: the file.
        kind: the class of the records.

    Raises:
        InputError: another line is not JSON, not UTF-8, or not a record of this class.
    """
    return [record for _, record in read_numbered_records(path, kind, drop_incomplete_line=True)]


def read_numbered_records(
    path: Path, kind: Any, *, drop_incomplete_line: bool = False
) -> Iterator[tuple[int, Any]]:
    """Yield line numbers (from 1) and records; nothing if the file does not exist.

    A byte order mark is skipped.

    Args:
        path: the file.
        kind: the class of the records.
        drop_incomplete_line: whether an incomplete last line is dropped, as by `read_records`.

    Raises:
        InputError: the file is not UTF-8 text, or a line is not JSON or not a record of this class.
    """
    if not path.exists():
        return
    decoder = msgspec.json.Decoder(kind)
    text_start = check_text_file(path)
    with path.open("rb") as file:
        file.seek(text_start)
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if drop_incomplete_line and not line.endswith(b"\n"):
                    return
                remedy = (
                    "; delete the line, and what it held is requested again"
                    if drop_incomplete_line
                    else ""
                )
                msg = f"{error}{remedy}"
                raise InputError(msg, path=path, line=number) from error
            yield number, record


def encode_record(record: Any) -> bytes:
    """Return a record as one line of JSON, with its newline."""
    return msgspec.json.encode(record) + b"\n"


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Replace a file's content by these records, atomically."""
    replace_file(path, b"".join(encode_record(record) for record in records))


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content atomically: a reader sees the old or the new content."""
    with open_replacement(path) as file:
        file.write(content)


@contextmanager
def open_replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the place of a file at the end, if no error occurs."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)  # frees the space on a full disk
        raise


@contextmanager
def make_staging_folder(parent: Path) -> Iterator[Path]:
    """Make a temporary folder inside another one, and remove it with what is left in it at the end."""
    remove_stale_temporary_files(parent, _STAGING_NAME)
    folder = parent / f".{_STAGING_NAME}.{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)  # of a killed process that had the same number
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale_temporary_files(folder: Path, name: str | None = None) -> None:
    """Remove the temporary files and folders that killed processes left in a folder.

    Args:
        folder: where they are.
        name: of the file that they were to replace; None for any.
    """
    for path in list_temporary_files(folder):
        is_named = name is None or path.stem == f".{name}"
        if is_named and not _is_alive(int(path.suffix[1:])):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def list_temporary_files(folder: Path) -> list[Path]:
    """Return the temporary files and folders in a folder, of processes that live or were killed."""
    return [path for path in folder.glob(".*.*") if path.suffix[1:].isdigit()]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class RecordAppender:
    """Appends records to a file, one write each, so that a kill can damage only the last line."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._synced = time.monotonic()
        _repair_last_line(path, self._descriptor)
        self._length = os.fstat(self._descriptor).st_size

    def append(self, record: Any) -> None:
        """Write one record; the file is synced to the disk every few seconds.

        Raises:
            OSError: the record could not be written; no part of it remains in the file.
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
        """Sync the file to the disk, so that it survives a loss of power."""
        os.fsync(self._descriptor)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync the file to the disk and close it."""
        try:
            self.sync()
        finally:
            os.close(self._descriptor)


def _write_fully(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _repair_last_line(path: Path, descriptor: int) -> None:
    """Remove an incomplete last line; add the newline to a complete one."""
    with path.open("rb") as file:
        complete = 0
        for line in file:
            if not line.endswith(b"\n"):
                break
            complete += len(line)
        else:
            return
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        os.ftruncate(descriptor, complete)
    else:
        _write_fully(descriptor, b"\n")
