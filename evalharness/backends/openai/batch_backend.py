"""Calls through a server's batch endpoint: cheaper, and done within a day.

    POST /files       the requests, a line of JSON each, under an id of ours
    POST /batches     work on that file
    GET  /batches/ID  until it has ended
    GET  /files/ID/content   the replies, and in a file of their own the failures

Requests that are made together become one batch. A journal keeps what was sent, so that a process
that is killed finds its batches again: what is in one is never sent anew while it may still come.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from evalharness.backends.openai.batch_api import (
    FINAL_BATCH_STATUSES,
    BatchApi,
    BatchReply,
    BatchStatus,
)
from evalharness.backends.openai.wire import build_request_body
from evalharness.backends.wait_log import WAIT_LOG
from evalharness.domain import compute_digest
from evalharness.errors import BackendError, PermanentError
from evalharness.store import RecordAppender, read_records

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from evalharness.domain import Completion, ModelSpec, Request

# OpenAI's limits, a little below.
MAX_BATCH_REQUESTS = 50_000
MAX_BATCH_BYTES = 190 * 2**20
_GATHER_WINDOW_S = 0.1  # requests that come within it go together
_FIRST_POLL_S = 1.0
_MAX_POLL_S = 60.0
_waits = logging.getLogger(WAIT_LOG)
_log = logging.getLogger(__name__)


class JournalEntry(msgspec.Struct, omit_defaults=True):
    """A line of the journal; later lines of the same token add to earlier ones."""

    token: str
    model: str
    keys: list[str] = []
    batch: str | None = None
    closed: bool = False


@dataclass(slots=True)
class _PendingRequest:
    """A request and whoever waits for its completion."""

    request: Request
    future: asyncio.Future[Completion]
    taken: bool = False


@dataclass(slots=True)
class _SubmittedBatch:
    """A batch that a server works on, and the keys of its requests."""

    token: str
    keys: frozenset[str]
    batch: str | None = None
    asked: set[str] = field(default_factory=set)
    has_ended: bool = False


class BatchBackend:
    """A model that is asked in batches."""

    def __init__(
        self,
        spec: ModelSpec,
        api: BatchApi,
        journal: Path,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take up the batches of the journal that are not closed."""
        self._spec = spec
        self._api = api
        self._sleep = sleep
        self._waiting: dict[str, _PendingRequest] = {}
        self._new: list[str] = []
        self._sent = list(_read_open_batches(journal, spec.name))
        self._journal = RecordAppender(journal)
        self._working: asyncio.Task[None] | None = None

    async def complete(self, request: Request) -> Completion:
        """Return the completion when its batch has ended.

        Raises:
            BackendError: the batch or this line of it failed.
        """
        key = compute_digest([self._spec.identity(), request])
        waiting = self._waiting.get(key)
        if waiting is None:
            future = asyncio.get_running_loop().create_future()
            waiting = self._waiting[key] = _PendingRequest(request, future)
            self._new.append(key)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
            self._working.add_done_callback(self._tell)
        try:
            return await asyncio.shield(waiting.future)
        finally:
            waiting.taken = waiting.future.done()

    async def close(self) -> None:
        """Close the batches whose replies are all taken; the others are collected another time."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        for sent in self._sent:
            if sent.has_ended and all(self._waiting[key].taken for key in sent.asked):
                self._note(JournalEntry(token=sent.token, model=self._spec.name, closed=True))
        self._journal.close()
        await self._api.close()

    async def _work(self) -> None:
        """Send and collect until nobody waits."""
        look_s = _FIRST_POLL_S
        await self._find_lost()
        while True:
            await self._send_new()
            await self._collect()
            if all(waiting.future.done() for waiting in self._waiting.values()):
                return
            await self._sleep(look_s)
            look_s = min(2 * look_s, _MAX_POLL_S)

    def _tell(self, working: asyncio.Task[None]) -> None:
        """Let what ended the work be everybody's failure: nobody waits for who has stopped."""
        if working.cancelled() or (error := working.exception()) is None:
            return
        for waiting in self._waiting.values():
            if not waiting.future.done():
                _set_failure(waiting, error)

    async def _find_lost(self) -> None:
        """Find the batches that were sent by a process that died before it knew their id."""
        for sent in [each for each in self._sent if each.batch is None]:
            sent.batch = await self._api.find(sent.token)
            if sent.batch is None:
                self._sent.remove(sent)
            else:
                self._note(JournalEntry(token=sent.token, model=self._spec.name, batch=sent.batch))

    async def _send_new(self) -> None:
        """Send what no batch has, once no more requests come."""
        seen = -1
        while seen < len(self._new):
            seen = len(self._new)
            await self._sleep(_GATHER_WINDOW_S)
        new, self._new = self._new, []
        for sent in self._sent:
            if not sent.has_ended:
                sent.asked |= sent.keys.intersection(new)
        there = set().union(*(sent.asked for sent in self._sent))
        for keys, content in self._files(key for key in new if key not in there):
            await self._send(keys, content)

    def _files(self, keys: Iterator[str]) -> Iterator[tuple[list[str], bytes]]:
        """Yield the requests as files that a server takes."""
        part: list[str] = []
        lines: list[bytes] = []
        size = 0
        for key in keys:
            line = self._api.line(key, build_request_body(self._spec, self._waiting[key].request))
            if part and (len(part) == MAX_BATCH_REQUESTS or size + len(line) > MAX_BATCH_BYTES):
                yield part, b"".join(lines)
                part, lines, size = [], [], 0
            part.append(key)
            lines.append(line)
            size += len(line)
        if part:
            yield part, b"".join(lines)

    async def _send(self, keys: list[str], content: bytes) -> None:
        # The journal has the token before the server does, and the server has it in the batch.
        sent = _SubmittedBatch(uuid.uuid4().hex, frozenset(keys), asked=set(keys))
        self._note(JournalEntry(token=sent.token, model=self._spec.name, keys=keys))
        sent.batch = await self._api.create(content, sent.token)
        self._sent.append(sent)
        self._note(JournalEntry(token=sent.token, model=self._spec.name, batch=sent.batch))
        _log.info("%s: sent %d requests as batch %s", self._spec.name, len(keys), sent.batch)

    async def _collect(self) -> None:
        """Hand over the replies of the batches that have ended."""
        for sent in self._sent:
            if sent.has_ended or not sent.asked or sent.batch is None:
                continue
            status = await self._api.status(sent.batch)
            counts = status.request_counts
            done, total = (counts.completed, counts.total) if counts else (0, len(sent.keys))
            details = (self._spec.name, sent.batch, status.status, done, total)
            _waits.info("%s: batch %s is %s, %d/%d", *details, extra={"wait_s": _MAX_POLL_S})
            if status.status in FINAL_BATCH_STATUSES:
                self._hand_over(sent, status, await self._api.replies(status))
                sent.has_ended = True

    def _hand_over(
        self, sent: _SubmittedBatch, status: BatchStatus, replies: Mapping[str, BatchReply]
    ) -> None:
        for key in sent.asked:
            waiting = self._waiting[key]
            if waiting.future.done():
                continue
            try:
                if key not in replies:
                    words = f"batch {sent.batch} is {status.status}, without it{status.words}"
                    raise PermanentError(words, reason=f"batch_{status.status}")
                waiting.future.set_result(self._api.completion(replies[key], waiting.request))
            except BackendError as error:
                _set_failure(waiting, error)

    def _note(self, entry: JournalEntry) -> None:
        self._journal.append(entry)


def _set_failure(waiting: _PendingRequest, error: BaseException) -> None:
    waiting.future.set_exception(error)
    waiting.future.exception()  # seen, as it may be that nobody waits any more


def _read_open_batches(journal: Path, model: str) -> Iterator[_SubmittedBatch]:
    """Yield the batches of a journal that are not closed."""
    entries: dict[str, JournalEntry] = {}
    for line in read_records(journal, JournalEntry):
        known = entries.setdefault(line.token, line)
        known.batch = line.batch or known.batch
        known.closed = line.closed or known.closed
    for entry in entries.values():
        if entry.model == model and not entry.closed:
            yield _SubmittedBatch(entry.token, frozenset(entry.keys), entry.batch)
