"""Ctrl-C: once, a run finishes what is in the air and shows what there is; twice, it is gone.

What a scheduler sends before it kills (SIGTERM) counts as Ctrl-C.
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

_INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"  # bars hide it
_log = logging.getLogger(__name__)


def run_interruptible(work: Coroutine[Any, Any, Any], stop: StopSignal) -> Any:
    """Return what a coroutine returns; a first interrupt sets `stop`, a second ends the process."""

    async def heeded() -> Any:
        with _interrupt_handlers(stop):
            return await work

    return asyncio.run(heeded())


@contextmanager
def _interrupt_handlers(stop: StopSignal) -> Iterator[None]:
    """Heed interrupts in the main thread, where alone they arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def heed(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            _exit_immediately()
        loop.call_soon_threadsafe(_request_stop, stop)

    before = {number: signal.signal(number, heed) for number in _INTERRUPT_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _request_stop(stop: StopSignal) -> None:
    stop.set()
    left = f"waiting for the {calls} calls in the air" if (calls := stop.on_the_wire) else "ending"
    _log.warning("interrupted: %s; Ctrl-C again ends at once", left)


def _exit_immediately() -> NoReturn:
    """End this process as a kill would: whatever came is on the disk already."""
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    words = f"{cursor}\nevalharness: interrupted at once; the same command resumes\n"
    # Not through sys.stderr: the signal may have come in the middle of another write to it.
    os.write(2, words.encode())
    os._exit(128 + signal.SIGINT)  # what a shell shows for it
