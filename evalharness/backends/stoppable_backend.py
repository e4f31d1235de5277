"""Stop a run early without losing a call: calls in flight are finished, no other call is started.

A task that waits (for a slot, a rate limit, another attempt, or a local model) is cancelled at once.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, cast

from evalharness.errors import RunStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalharness.domain import (
        Backend,
        Completion,
        LoadedModel,
        ModelLender,
        Request,
        WorkResult,
    )

_current_stop: ContextVar[StopSignal | None] = ContextVar("stop", default=None)
_current_watch: ContextVar[Callable[[], None] | None] = ContextVar("watch", default=None)


class StopSignal:
    """A request to end a run, shared by all tasks of the run.

    Attributes:
        is_set: whether no further call may be started.
        in_flight: the number of calls that a server is working on.
    """

    def __init__(self) -> None:
        self.is_set = False
        self.in_flight = 0
        self._waiting: set[asyncio.Task[object]] = set()

    def set(self) -> None:
        """Request the end of the run. Call this in the thread of the event loop."""
        self.is_set = True
        for task in tuple(self._waiting):
            self._cancel(task)

    def raise_if_set(self) -> None:
        """Raise an error if the run is to end.

        Raises:
            RunStoppedError: the run is to end.
        """
        if self.is_set:
            msg = "not asked, as the run was stopped"
            raise RunStoppedError(msg)

    @contextmanager
    def cancel_when_set(self) -> Iterator[None]:
        """Cancel the current task inside this context when the run ends, unless a call is in flight.

        Raises:
            RunStoppedError: the run is to end.
        """
        self.raise_if_set()
        task, token = _current_task(), _current_stop.set(self)
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self.is_set or task.uncancel():
                raise
            self.raise_if_set()
        finally:
            self._waiting.discard(task)
            _current_stop.reset(token)

    @contextmanager
    def mark_in_flight(self) -> Iterator[None]:
        """See the function `mark_in_flight`."""
        self.raise_if_set()
        task = _current_task()
        self._waiting.discard(task)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._waiting.add(task)
            if self.is_set:
                # Not now, so that a reply that has arrived is kept: only the next wait is cancelled.
                asyncio.get_running_loop().call_soon(self._cancel, task)

    def _cancel(self, task: asyncio.Task[object]) -> None:
        if task in self._waiting:
            self._waiting.discard(task)
            task.cancel()


class StoppableBackend:
    """A backend that starts no further call once its run is to end."""

    def __init__(self, backend: Backend, stop: StopSignal) -> None:
        self._backend = backend
        self._stop = stop

    async def complete(self, request: Request) -> Completion:
        """Return the completion of the wrapped backend.

        Raises:
            RunStoppedError: the run is to end.
        """
        with self._stop.cancel_when_set():
            return await self._backend.complete(request)

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return the result of `work` on the model of the wrapped backend.

        Raises:
            RunStoppedError: the run is to end.
        """
        with self._stop.cancel_when_set():
            return await cast("ModelLender", self._backend).lend(work)

    async def close(self) -> None:
        """Close the wrapped backend."""
        await self._backend.close()


@contextmanager
def mark_in_flight() -> Iterator[None]:
    """Hold a call in flight: a run that ends waits for it, as it may have to be paid for.

    Raises:
        RunStoppedError: the run is to end, so the call must not be started.
    """
    stop, begin = _current_stop.get(), _current_watch.get() or _do_nothing
    with nullcontext() if stop is None else stop.mark_in_flight():
        begin()
        yield


@contextmanager
def watch_attempts(begin: Callable[[], None]) -> Iterator[None]:
    """Call a function before each attempt that is made in this context.

    Args:
        begin: is called inside `mark_in_flight`; an error that it raises prevents the attempt.
    """
    token = _current_watch.set(begin)
    try:
        yield
    finally:
        _current_watch.reset(token)


def _do_nothing() -> None:
    """Watch no attempt."""


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        msg = "a call must be made inside a task"
        raise RuntimeError(msg)
    return task
