"""The copies of one model on a cluster's nodes, and what they are asked.

The queue is this process's own, and so are the results: a copy is given a request and gives back a
completion, and knows of nothing else. When a copy dies, with its node or alone, what it was working
on goes back into the queue before all else, and another copy is started wherever there is room. A
request may so be worked on twice; the run keeps one completion, by its key.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from evalharness.backends.engines.replica import SerializedError
from evalharness.domain import escape_to_one_line
from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from evalharness.domain import Completion, ModelSpec, Request

MAX_DEATHS = 4
"""So often a request, or a copy that never began, is tried: whatever kills its process is given up."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class _QueuedRequest:
    number: int
    spec: ModelSpec
    request: Request
    future: asyncio.Future[Completion]
    deaths: int = 0

    def __lt__(self, other: _QueuedRequest) -> bool:
        """What was lost comes first, then what came first."""
        return (-self.deaths, self.number) < (-other.deaths, other.number)

    def refuse(self, message: str, reason: str) -> None:
        """Tell whoever waits that there will be no completion."""
        if not self.future.done():
            error = PermanentError(message, reason=reason, attempts=max(1, self.deaths))
            self.future.set_exception(error)

    def settle(self, reply: Completion | SerializedError) -> None:
        """Hand over what a copy gave back."""
        if self.future.done():  # cancelled meanwhile
            return
        if isinstance(reply, SerializedError):
            self.future.set_exception(reply.as_error())
        else:
            self.future.set_result(reply)


@dataclass(slots=True, kw_only=True, eq=False)
class _ReplicaHandle:
    """A copy as this process sees it."""

    actor: Any
    items: set[_QueuedRequest] = field(default_factory=set)
    is_ready: bool = False


class ReplicaPool:
    """As many copies of a model as were asked for, and their queue."""

    def __init__(
        self, name: str, start: Callable[[], Any], *, replicas: int, in_flight: int
    ) -> None:
        """Start the copies.

        Args:
            name: of the model, for messages.
            start: starts a copy and returns its actor; may return before there is room for it.
            replicas: how many copies there are.
            in_flight: how many requests a copy works on at a time.
        """
        self._name = name
        self._start = start
        self._in_flight = in_flight
        self._numbers = count()
        self._waiting: list[_QueuedRequest] = []
        self._copies: list[_ReplicaHandle] = []
        self._stillborn = 0
        self._given_up: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        for _ in range(replicas):
            self._begin_copy()

    async def ask(self, spec: ModelSpec, request: Request) -> Completion:
        """Return one completion.

        Raises:
            BackendError: the model could not be asked, or its process died too often.
        """
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        item = _QueuedRequest(number=next(self._numbers), spec=spec, request=request, future=future)
        if self._given_up is not None:
            item.refuse(self._given_up, "replica_died")
        heapq.heappush(self._waiting, item)
        self._give_out()
        return await future

    async def close(self) -> None:
        """End all copies, which frees their memory for the next model."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for copy in self._copies:
            _kill_replica(copy)
        self._copies.clear()

    def _give_out(self) -> None:
        """Give waiting requests to the copies that have least to do, evenly."""
        while self._waiting and (copy := self._idlest()) is not None:
            item = heapq.heappop(self._waiting)
            if item.future.done():
                continue
            copy.items.add(item)
            self._spawn(self._work_on(item, copy))

    def _idlest(self) -> _ReplicaHandle | None:
        """Return the copy that takes the next request, or None while all have enough.

        No copy takes more than its share, so that those which are still starting find work.
        """
        open_items = len(self._waiting) + sum(len(copy.items) for copy in self._copies)
        share = -(-open_items // max(1, len(self._copies)))
        most = min(self._in_flight, max(1, share))
        able = [each for each in self._copies if each.is_ready and len(each.items) < most]
        return min(able, key=lambda each: len(each.items), default=None)

    async def _work_on(self, item: _QueuedRequest, copy: _ReplicaHandle) -> None:
        from ray.exceptions import RayError, RayTaskError

        try:
            item.settle(await copy.actor.complete.remote(item.spec, item.request))
        except RayTaskError as error:  # the model's own process raised it, and lives on
            said = str(error.cause).strip().partition("\n")[0] or type(error.cause).__name__
            item.refuse(f"{type(error.cause).__name__}: {said}", "replica_error")
        except RayError as error:
            self._put_back(item)
            self._bury(copy, error)
        except Exception as error:  # noqa: BLE001 - Ray's edge: whoever waits is told, whatever it is
            item.refuse(f"{type(error).__name__}: {_last_line(error)}", "ray")
        copy.items.discard(item)
        self._give_out()

    def _put_back(self, item: _QueuedRequest) -> None:
        item.deaths += 1
        if item.deaths < MAX_DEATHS:
            heapq.heappush(self._waiting, item)
            return
        msg = f"{item.deaths} processes of {self._name} died while they worked on this"
        item.refuse(msg, "replica_died")

    def _bury(self, copy: _ReplicaHandle, error: Exception) -> None:
        """Replace a copy that died; all that it worked on come here, and the first counts."""
        if copy not in self._copies:
            return
        self._copies.remove(copy)
        _kill_replica(copy)  # one that merely cannot be reached must not go on
        _log.warning("%s: a replica died and is replaced: %s", self._name, _last_line(error))
        self._begin_copy()

    def _begin_copy(self) -> None:
        copy = _ReplicaHandle(actor=self._start())
        self._copies.append(copy)
        self._spawn(self._await_ready(copy))

    async def _await_ready(self, copy: _ReplicaHandle) -> None:
        from ray.exceptions import RayError

        try:
            await copy.actor.ready.remote()
        except RayError as error:
            self._stillborn += 1
            if self._stillborn < MAX_DEATHS:
                self._bury(copy, error)
            else:
                self._give_up(copy, error)
            return
        self._stillborn = 0
        copy.is_ready = True
        self._give_out()

    def _give_up(self, copy: _ReplicaHandle, error: Exception) -> None:
        """Do without a copy that cannot be started; without any, refuse what waits."""
        self._copies.remove(copy)
        if self._copies:
            return
        self._given_up = f"no process of {self._name} can be started: {_last_line(error)}"
        for item in self._waiting:
            item.refuse(self._given_up, "replica_died")
        self._waiting.clear()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _last_line(error: Exception) -> str:
    """Return the last line of what Ray says, where it has the traceback of another process."""
    return escape_to_one_line(str(error).strip().rpartition("\n")[2].strip())


def _kill_replica(copy: _ReplicaHandle) -> None:
    import ray

    with suppress(ray.exceptions.RayError):
        ray.kill(copy.actor)
