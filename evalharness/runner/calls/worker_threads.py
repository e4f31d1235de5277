"""Run blocking work in threads next to the event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ResultT = TypeVar("ResultT")


async def run_in_thread(work: Callable[[], ResultT]) -> ResultT:
    """Return what `work` returns in a daemon thread, so that an interrupted run can end without it."""
    result: Future[ResultT] = Future()

    def run() -> None:
        with suppress(InvalidStateError):  # the future was cancelled meanwhile
            try:
                result.set_result(work())
            except Exception as error:  # noqa: BLE001 - the edge of the thread: the waiter gets it
                result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(result)


def run_on_loop(loop: asyncio.AbstractEventLoop, work: Callable[[], ResultT]) -> ResultT:
    """Return what `work` returns in the thread of the event loop, which is the main thread."""
    result: Future[ResultT] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the waiter gets it
            result.set_exception(error)

    loop.call_soon_threadsafe(run)
    return result.result()
