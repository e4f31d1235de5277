"""Call models through the batch endpoint of a server, which is cheaper and takes up to a day.

    POST /files       the requests, a line of JSON each, under an id of ours
    POST /batches     work on that file
    GET  /batches/ID  until it has ended
    GET  /files/ID/content   the replies, and in a file of their own the failures

Requests that are made together become one batch. A journal records what was sent, so that a new
process finds the batches of a killed one: a request is not sent again while its batch is open.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from evalharness.backends.openai.batch_api import (
    FINAL_BATCH_STATUSES,
    BatchApi,
    BatchReply,
    BatchStatus,
)
from evalharness.backends.openai.connection import is_success
from evalharness.backends.openai.refusals.refused_fields import explain_refusal
from evalharness.backends.openai.request_body import list_sent_fields
from evalharness.backends.wait_log import WAIT_LOG
from evalharness.domain import compute_digest
from evalharness.errors import BackendError, PermanentError
from evalharness.store import RecordAppender, read_records

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from evalharness.backends.openai.client import OpenAIClient
    from evalharness.backends.openai.refusals.learned_rules import ModelRules
    from evalharness.domain import Completion, ModelSpec, Request

# OpenAI's limits, a little below.
MAX_BATCH_REQUESTS = 50_000
MAX_BATCH_BYTES = 190 * 2**20
_GATHER_WINDOW_S = 0.1  # requests that arrive within it form one batch
_FIRST_POLL_S = 1.0
_MAX_POLL_S = 60.0
_waits = logging.getLogger(WAIT_LOG)
_log = logging.getLogger(__name__)


class JournalEntry(msgspec.Struct, omit_defaults=True):
    """A line of the journal; later lines with the same token update earlier ones."""

    token: str
    model: str
    keys: list[str] = []
    batch: str | None = None
    closed: bool = False


@dataclass(slots=True)
class _PendingRequest:
    """A request, and the future of its completion."""

    request: Request
    future: asyncio.Future[Completion]
    taken: bool = False
    body: dict[str, Any] | None = None


@dataclass(slots=True)
class _SubmittedBatch:
    """A batch that a server works on, and the keys of its requests."""

    token: str
    keys: frozenset[str]
    batch: str | None = None
    asked: set[str] = field(default_factory=set)
    has_ended: bool = False


class BatchBackend:
    """A model that is called in batches."""

    def __init__(
        self,
        spec: ModelSpec,
        api: BatchApi,
        journal: Path,
        *,
        live: OpenAIClient,
        rules: ModelRules,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Resume the batches of the journal that are not closed.

        Args:
            spec: the model.
            api: the batches of its server.
            journal: records what was sent.
            live: sends the first request of its kind, so that what the server refuses is learned
                before a whole batch is refused.
            rules: what the server is known to refuse.
            sleep: waits before a server is polled again.
        """
        self._spec = spec
        self._live = live
        self._rules = rules
        self._api = api
        self._sleep = sleep
        self._pending: dict[str, _PendingRequest] = {}
        self._unsent: list[str] = []
        entries = _read_journal(journal, spec.name)
        self._was_sent = bool(entries)
        self._batches = [
            _SubmittedBatch(entry.token, frozenset(entry.keys), entry.batch)
            for entry in entries
            if not entry.closed
        ]
        self._journal = RecordAppender(journal)
        self._worker: asyncio.Task[None] | None = None

    async def complete(self, request: Request) -> Completion:
        """Return the completion when its batch has ended.

        Raises:
            BackendError: the batch failed, or its line for this request.
        """
        if not self._was_sent and (first := await self._live.complete_first(request)):
            return first
        key = compute_digest([self._spec.identity(), request.key_content()])
        waiting = self._pending.get(key)
        if waiting is None:
            future = asyncio.get_running_loop().create_future()
            waiting = self._pending[key] = _PendingRequest(request, future)
            self._unsent.append(key)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._run_worker())
            self._worker.add_done_callback(self._fail_pending)
        try:
            return await asyncio.shield(waiting.future)
        finally:
            waiting.taken = waiting.future.done()

    async def close(self) -> None:
        """Close the batches whose replies were all returned; others stay open for a later run."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        for sent in self._batches:
            if sent.has_ended and all(self._pending[key].taken for key in sent.asked):
                self._record(JournalEntry(token=sent.token, model=self._spec.name, closed=True))
        self._journal.close()
        await self._live.close()
        await self._api.close()

    async def _run_worker(self) -> None:
        """Submit batches and collect replies until no request is pending."""
        look_s = _FIRST_POLL_S
        await self._find_lost_batches()
        while True:
            await self._submit_new()
            await self._collect()
            if all(waiting.future.done() for waiting in self._pending.values()):
                return
            await self._sleep(look_s)
            look_s = min(2 * look_s, _MAX_POLL_S)

    def _fail_pending(self, working: asyncio.Task[None]) -> None:
        """Fail all pending requests if the worker task failed."""
        if working.cancelled() or (error := working.exception()) is None:
            return
        for waiting in self._pending.values():
            if not waiting.future.done():
                _set_failure(waiting, error)

    async def _find_lost_batches(self) -> None:
        """Find the batches of a process that died before it recorded their id."""
        for sent in [each for each in self._batches if each.batch is None]:
            sent.batch = await self._api.find(sent.token)
            if sent.batch is None:
                self._batches.remove(sent)
            else:
                self._record(
                    JournalEntry(token=sent.token, model=self._spec.name, batch=sent.batch)
                )

    async def _submit_new(self) -> None:
        """Submit the requests that are in no batch, once no further requests arrive."""
        seen = -1
        while seen < len(self._unsent):
            seen = len(self._unsent)
            await self._sleep(_GATHER_WINDOW_S)
        new, self._unsent = self._unsent, []
        for sent in self._batches:
            if not sent.has_ended:
                sent.asked |= sent.keys.intersection(new)
        there = set().union(*(sent.asked for sent in self._batches))
        for keys, content in self._iterate_files(key for key in new if key not in there):
            await self._submit(keys, content)

    def _iterate_files(self, keys: Iterator[str]) -> Iterator[tuple[list[str], bytes]]:
        """Yield the requests as files within the limits of the server."""
        part: list[str] = []
        lines: list[bytes] = []
        size = 0
        for key in keys:
            waiting = self._pending[key]
            waiting.body = self._rules.build_body(waiting.request)
            line = self._api.line(key, waiting.body)
            if part and (len(part) == MAX_BATCH_REQUESTS or size + len(line) > MAX_BATCH_BYTES):
                yield part, b"".join(lines)
                part, lines, size = [], [], 0
            part.append(key)
            lines.append(line)
            size += len(line)
        if part:
            yield part, b"".join(lines)

    async def _submit(self, keys: list[str], content: bytes) -> None:
        # The token is written to the journal first, then sent to the server as part of the batch.
        sent = _SubmittedBatch(uuid.uuid4().hex, frozenset(keys), asked=set(keys))
        self._record(JournalEntry(token=sent.token, model=self._spec.name, keys=keys))
        sent.batch = await self._api.create(content, sent.token)
        self._batches.append(sent)
        self._record(JournalEntry(token=sent.token, model=self._spec.name, batch=sent.batch))
        _log.info("%s: sent %d requests as batch %s", self._spec.name, len(keys), sent.batch)

    async def _collect(self) -> None:
        """Complete the requests of the batches that have ended."""
        for sent in self._batches:
            if sent.has_ended or not sent.asked or sent.batch is None:
                continue
            status = await self._api.status(sent.batch)
            counts = status.request_counts
            done, total = (counts.completed, counts.total) if counts else (0, len(sent.keys))
            details = (self._spec.name, sent.batch, status.status, done, total)
            _waits.info("%s: batch %s is %s, %d/%d", *details, extra={"wait_s": _MAX_POLL_S})
            if status.status in FINAL_BATCH_STATUSES:
                self._complete_requests(sent, status, await self._api.replies(status))
                sent.has_ended = True

    def _complete_requests(
        self, sent: _SubmittedBatch, status: BatchStatus, replies: Mapping[str, BatchReply]
    ) -> None:
        for key in tuple(sent.asked):
            waiting = self._pending[key]
            if waiting.future.done():
                continue
            body = waiting.body or self._rules.build_body(waiting.request)
            if key in replies and self._teaches(replies[key], body, waiting.request):
                sent.asked.discard(key)
                self._unsent.append(key)
                continue
            try:
                if key not in replies:
                    words = f"batch {sent.batch} is {status.status}, without it{status.words}"
                    raise PermanentError(words, reason=f"batch_{status.status}")
                completion = self._api.completion(replies[key], waiting.request)
                waiting.future.set_result(replace(completion, sent=list_sent_fields(body)))
            except BackendError as error:
                if key in replies and (response := replies[key].response):
                    words = explain_refusal(bytes(response.body), body, self._spec)
                    error.args = (f"{error}{words}",)
                _set_failure(waiting, error)

    def _teaches(self, reply: BatchReply, body: Mapping[str, Any], request: Request) -> bool:
        """Learn from a refused line; return whether the request would be another one now."""
        if reply.response is None or is_success(reply.response.status_code):
            return False
        content = self._api.scrub_content(bytes(reply.response.body))
        return self._rules.learn(reply.response.status_code, content, body, request)

    def _record(self, entry: JournalEntry) -> None:
        self._journal.append(entry)


def _set_failure(waiting: _PendingRequest, error: BaseException) -> None:
    waiting.future.set_exception(error)
    waiting.future.exception()  # retrieved, as no task may await it any more


def _read_journal(journal: Path, model: str) -> list[JournalEntry]:
    """Return the batches of a model in a journal, each as its last lines say."""
    entries: dict[str, JournalEntry] = {}
    for line in read_records(journal, JournalEntry):
        known = entries.setdefault(line.token, line)
        known.batch = line.batch or known.batch
        known.closed = line.closed or known.closed
    return [entry for entry in entries.values() if entry.model == model]
