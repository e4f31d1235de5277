"""How a run ends early and loses no call: what is on the wire comes home, nothing else is asked.

Whoever waits (for a place, a limit, another try, or a model of this machine) gives up at once.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
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


class StopSignal:
    """Whether a run is to end; as many may look at it as like to.

    Attributes:
        is_set: whether nothing more is to be asked.
        on_the_wire: how many calls a server is working on.
    """

    def __init__(self) -> None:
        self.is_set = False
        self.on_the_wire = 0
        self._waiting: set[asyncio.Task[object]] = set()

    def set(self) -> None:
        """Let nothing more be asked; to be called in the thread of the event loop."""
        self.is_set = True
        for task in tuple(self._waiting):
            self._abandon(task)

    def refuse(self) -> None:
        """Refuse what would ask something more.

        Raises:
            RunStoppedError: the run is to end.
        """
        if self.is_set:
            msg = "not asked, as the run was stopped"
            raise RunStoppedError(msg)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Take part: inside, the current task can be stopped, except while it is on the wire.

        Raises:
            RunStoppedError: the run is to end.
        """
        self.refuse()
        task, token = _current_task(), _current_stop.set(self)
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self.is_set or task.uncancel():
                raise
            self.refuse()
        finally:
            self._waiting.discard(task)
            _current_stop.reset(token)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """See `on_the_wire`."""
        self.refuse()
        task = _current_task()
        self._waiting.discard(task)
        self.on_the_wire += 1
        try:
            yield
        finally:
            self.on_the_wire -= 1
            self._waiting.add(task)
            if self.is_set:
                # Not now: a reply that is home is kept. Only who begins to wait again gives up.
                asyncio.get_running_loop().call_soon(self._abandon, task)

    def _abandon(self, task: asyncio.Task[object]) -> None:
        if task in self._waiting:
            self._waiting.discard(task)
            task.cancel()


class StoppableBackend:
    """A backend that is asked nothing more once its run is to end."""

    def __init__(self, backend: Backend, stop: StopSignal) -> None:
        self._backend = backend
        self._stop = stop

    async def complete(self, request: Request) -> Completion:
        """Return a completion, as the backend does.

        Raises:
            RunStoppedError: the run is to end.
        """
        with self._stop.waiting():
            return await self._backend.complete(request)

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return what `work` makes of the backend's model.

        Raises:
            RunStoppedError: the run is to end.
        """
        with self._stop.waiting():
            return await cast("ModelLender", self._backend).lend(work)

    async def close(self) -> None:
        """Close the backend."""
        await self._backend.close()


@contextmanager
def mark_in_flight() -> Iterator[None]:
    """Hold what a stopped run waits for: a call that a server is working on, and may be paid for.

    Raises:
        RunStoppedError: the run is to end, so the call is not begun.
    """
    stop = _current_stop.get()
    if stop is None:
        yield
        return
    with stop.sending():
        yield


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        msg = "a call is made inside a task"
        raise RuntimeError(msg)
    return task
