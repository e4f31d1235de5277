"""Handle Ctrl-C: the first one lets calls in flight finish, the second one ends the process.

SIGTERM, which schedulers send before they kill a process, counts as Ctrl-C. So does SIGHUP, which
a terminal sends when it closes, unless the process was told to ignore it (`nohup`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from types import FrameType
    from typing import Any

    from evalharness.backends import StopSignal

_INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = "\x1b[?25h"  # progress bars hide the cursor
_log = logging.getLogger(__name__)


def run_interruptible(work: Coroutine[Any, Any, Any], stop: StopSignal) -> Any:
    """Run a coroutine and return its result.

    Args:
        work: the coroutine.
        stop: the signal that the first interrupt sets; a second interrupt ends the process.
    """

    async def interruptible() -> Any:
        with _interrupt_handlers(stop):
            return await work

    return asyncio.run(interruptible())


@contextmanager
def _interrupt_handlers(stop: StopSignal) -> Iterator[None]:
    """Install signal handlers in the main thread; other threads receive no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            _exit_immediately()
        loop.call_soon_threadsafe(_request_stop, stop)

    before = {
        number: signal.signal(number, handle)
        for number in _INTERRUPT_SIGNALS
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _request_stop(stop: StopSignal) -> None:
    stop.set()
    left = f"waiting for the {calls} calls in the air" if (calls := stop.in_flight) else "ending"
    _log.warning("interrupted: %s; Ctrl-C again ends at once", left)


def _exit_immediately() -> NoReturn:
    """End this process at once. Replies that were received are already on the disk."""
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    message = f"{cursor}\nevalharness: interrupted at once; the same command resumes\n"
    # Not through sys.stderr: the signal may have interrupted another write to it.
    os.write(2, message.encode())
    os._exit(128 + signal.SIGINT)  # the exit code that a shell shows for it
