"""Distribute the requests for one model over its replicas on the nodes of a cluster.

The queue and the results are in this process: a replica receives a request and returns a completion.
When a replica dies, alone or with its node, its requests go to the front of the queue, and another
replica is started on a node that has room. So a request may be processed twice; the run keeps one
completion by its key.
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
"""Attempts for a request whose replicas die, or for a replica that does not start."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class _QueuedRequest:
    number: int
    spec: ModelSpec
    request: Request
    future: asyncio.Future[Completion]
    deaths: int = 0

    def __lt__(self, other: _QueuedRequest) -> bool:
        """Order requests of dead replicas first, then by arrival."""
        return (-self.deaths, self.number) < (-other.deaths, other.number)

    def refuse(self, message: str, reason: str) -> None:
        """Fail the request."""
        if not self.future.done():
            error = PermanentError(message, reason=reason, attempts=max(1, self.deaths))
            self.future.set_exception(error)

    def settle(self, reply: Completion | SerializedError) -> None:
        """Complete the request with the reply of a replica."""
        if self.future.done():  # cancelled meanwhile
            return
        if isinstance(reply, SerializedError):
            self.future.set_exception(reply.as_error())
        else:
            self.future.set_result(reply)


@dataclass(slots=True, kw_only=True, eq=False)
class _ReplicaHandle:
    """A replica, and the requests that it is processing."""

    actor: Any
    items: set[_QueuedRequest] = field(default_factory=set)
    is_ready: bool = False


class ReplicaPool:
    """The replicas of a model, and the queue of requests for them."""

    def __init__(
        self, name: str, start: Callable[[], Any], *, replicas: int, in_flight: int
    ) -> None:
        """Start the replicas.

        Args:
            name: of the model, for messages.
            start: starts a replica and returns its actor; it may return before a node has room.
            replicas: the number of replicas.
            in_flight: the number of requests that a replica processes at a time.
        """
        self._name = name
        self._start = start
        self._in_flight = in_flight
        self._numbers = count()
        self._waiting: list[_QueuedRequest] = []
        self._replicas: list[_ReplicaHandle] = []
        self._failed_starts = 0
        self._given_up: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        for _ in range(replicas):
            self._start_replica()

    async def ask(self, spec: ModelSpec, request: Request) -> Completion:
        """Return one completion.

        Raises:
            BackendError: the call failed, or the replicas died too often.
        """
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        item = _QueuedRequest(number=next(self._numbers), spec=spec, request=request, future=future)
        if self._given_up is not None:
            item.refuse(self._given_up, "replica_died")
        heapq.heappush(self._waiting, item)
        self._dispatch()
        return await future

    async def close(self) -> None:
        """End all copies, which frees their memory for the next model."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for replica in self._replicas:
            _kill_replica(replica)
        self._replicas.clear()

    def _dispatch(self) -> None:
        """Give waiting requests to the copies that have least to do, evenly."""
        while self._waiting and (replica := self._idlest()) is not None:
            item = heapq.heappop(self._waiting)
            if item.future.done():
                continue
            replica.items.add(item)
            self._spawn(self._process(item, replica))

    def _idlest(self) -> _ReplicaHandle | None:
        """Return the replica that takes the next request, or None while all have enough.

        No replica takes more than its share, so that those which are still starting find work.
        """
        open_items = len(self._waiting) + sum(len(replica.items) for replica in self._replicas)
        share = -(-open_items // max(1, len(self._replicas)))
        most = min(self._in_flight, max(1, share))
        able = [each for each in self._replicas if each.is_ready and len(each.items) < most]
        return min(able, key=lambda each: len(each.items), default=None)

    async def _process(self, item: _QueuedRequest, replica: _ReplicaHandle) -> None:
        from ray.exceptions import RayError, RayTaskError

        try:
            item.settle(await replica.actor.complete.remote(item.spec, item.request))
        except RayTaskError as error:  # raised in the replica, which is still alive
            said = str(error.cause).strip().partition("\n")[0] or type(error.cause).__name__
            item.refuse(f"{type(error.cause).__name__}: {said}", "replica_error")
        except RayError as error:
            self._requeue(item)
            self._replace(replica, error)
        except Exception as error:  # noqa: BLE001 - the edge to Ray: any error fails the request
            item.refuse(f"{type(error).__name__}: {_last_line(error)}", "ray")
        replica.items.discard(item)
        self._dispatch()

    def _requeue(self, item: _QueuedRequest) -> None:
        item.deaths += 1
        if item.deaths < MAX_DEATHS:
            heapq.heappush(self._waiting, item)
            return
        msg = f"{item.deaths} processes of {self._name} died while they worked on this"
        item.refuse(msg, "replica_died")

    def _replace(self, replica: _ReplicaHandle, error: Exception) -> None:
        """Replace a replica that died; only the first of its failed requests replaces it."""
        if replica not in self._replicas:
            return
        self._replicas.remove(replica)
        _kill_replica(replica)  # a replica that only cannot be reached must not go on
        _log.warning("%s: a replica died and is replaced: %s", self._name, _last_line(error))
        self._start_replica()

    def _start_replica(self) -> None:
        replica = _ReplicaHandle(actor=self._start())
        self._replicas.append(replica)
        self._spawn(self._await_ready(replica))

    async def _await_ready(self, replica: _ReplicaHandle) -> None:
        from ray.exceptions import RayError

        try:
            await replica.actor.ready.remote()
        except RayError as error:
            self._failed_starts += 1
            if self._failed_starts < MAX_DEATHS:
                self._replace(replica, error)
            else:
                self._give_up_replica(replica, error)
            return
        self._failed_starts = 0
        replica.is_ready = True
        self._dispatch()

    def _give_up_replica(self, replica: _ReplicaHandle, error: Exception) -> None:
        """Give up a replica that cannot be started; without any replica, fail the queued requests."""
        self._replicas.remove(replica)
        if self._replicas:
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
    """Return the last line of an error of Ray, which holds the traceback of another process."""
    return escape_to_one_line(str(error).strip().rpartition("\n")[2].strip())


def _kill_replica(replica: _ReplicaHandle) -> None:
    import ray

    with suppress(ray.exceptions.RayError):
        ray.kill(replica.actor)
