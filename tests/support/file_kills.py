"""Kill a copy of this process with SIGKILL right before one of its changes of files."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.truncate"}


def count_file_changes(work: Callable[[], object], folder: Path) -> int:
    """Return how often work changes files in a folder; it runs in a copy of this process."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _run_counted(work, folder, None, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, said
    return int(said)


def kill_before_change(work: Callable[[], object], folder: Path, number: int) -> None:
    """Run work in a copy of this process, which is killed before its change of this number."""
    pid = os.fork()
    if pid == 0:
        _run_counted(work, folder, number, None)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, status


def spread(total: int, kills: int) -> Iterator[int]:
    """Yield numbers of changes from the first to the last, evenly spread."""
    yield from sorted({1 + round(index * (total - 1) / (kills - 1)) for index in range(kills)})


def _run_counted(
    work: Callable[[], object], folder: Path, number: int | None, writer: int | None
) -> None:
    seen = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        is_written = event == "open" and _is_for_writing(arguments)
        if (is_written or event in _CHANGES) and str(arguments[0]).startswith(str(folder)):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        sys.addaudithook(count)
        work()
        if writer is not None:
            os.write(writer, str(seen).encode())
        code = 0
    finally:
        os._exit(code)


def _is_for_writing(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 else 0
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
