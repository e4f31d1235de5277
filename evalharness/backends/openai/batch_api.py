"""Create, find, poll and read batches at the batch endpoints of OpenAI and Azure."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import msgspec

from evalharness.backends.openai.backoff import draw_backoff_s
from evalharness.backends.openai.completion_reply import read_completion
from evalharness.backends.openai.connection import ServerConnection, is_success
from evalharness.backends.openai.request_body import build_batch_endpoint, build_batch_url
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from evalharness.domain import Completion, ModelSpec, Request

FINAL_BATCH_STATUSES = frozenset({"completed", "failed", "expired", "cancelled"})
_TOKEN_FIELD = "evalharness"  # noqa: S105 - the name of a field
T = TypeVar("T")


class _BatchError(msgspec.Struct):
    message: str | None = None
    code: str | None = None


class _BatchErrors(msgspec.Struct):
    data: list[_BatchError] = []


class _RequestCounts(msgspec.Struct):
    total: int = 0
    completed: int = 0
    failed: int = 0


class BatchStatus(msgspec.Struct):
    """A batch as the server describes it."""

    id: str
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: _BatchErrors | None = None
    request_counts: _RequestCounts | None = None
    metadata: dict[str, str] | None = None

    @property
    def words(self) -> str:
        """The server's messages about a failed batch."""
        said = [each.message for each in (self.errors.data if self.errors else []) if each.message]
        return f": {'; '.join(said[:3])}" if said else ""


class _BatchList(msgspec.Struct):
    data: list[BatchStatus] = []


class _UploadedFile(msgspec.Struct):
    id: str


class _BatchResponse(msgspec.Struct):
    status_code: int
    body: msgspec.Raw = msgspec.Raw(b"null")


class BatchReply(msgspec.Struct):
    """A line of a batch's output or error file."""

    custom_id: str
    response: _BatchResponse | None = None
    error: _BatchError | None = None


class BatchApi:
    """The batches of one server."""

    def __init__(
        self,
        spec: ModelSpec,
        base_url: str,
        *,
        proxy: str | None,
        key: str | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spec = spec
        self._base_url = base_url
        self._proxy = proxy
        self._sleep = sleep
        self._connection = ServerConnection(spec, key)

    def line(self, key: str, body: Mapping[str, Any]) -> bytes:
        """Return a request as a line of a batch's file."""
        url = build_batch_endpoint(self._spec)
        content = {"custom_id": key, "method": "POST", "url": url, "body": body}
        return msgspec.json.encode(content) + b"\n"

    async def create(self, lines: bytes, token: str) -> str:
        """Upload a file of requests, start a batch on it, and return the batch's id.

        Raises:
            BackendError: the server refuses it.
        """
        file = await self._retry(
            lambda: self._ask("POST", "files", _UploadedFile, _make_upload_form(lines))
        )
        wanted = {
            "input_file_id": file.id,
            "endpoint": build_batch_endpoint(self._spec),
            "completion_window": "24h",
            "metadata": {_TOKEN_FIELD: token},
        }
        tried: list[str] = []

        async def make() -> str:
            # A batch whose creation seemed to fail may exist all the same; it must not be created twice.
            if tried and (found := await self._find_batch(token)):
                return found
            tried.append(token)
            made = await self._ask("POST", "batches", BatchStatus, msgspec.json.encode(wanted))
            return made.id

        return await self._retry(make)

    async def find(self, token: str) -> str | None:
        """Return the id of the batch that was made with a token, or None."""
        return await self._retry(lambda: self._find_batch(token))

    async def status(self, batch: str) -> BatchStatus:
        """Return the status of a batch."""
        return await self._retry(lambda: self._ask("GET", f"batches/{batch}", BatchStatus))

    async def replies(self, status: BatchStatus) -> dict[str, BatchReply]:
        """Return the reply lines of an ended batch, by the key of their request."""
        found: dict[str, BatchReply] = {}
        for file in filter(None, (status.error_file_id, status.output_file_id)):
            content = await self._retry(partial(self._send, "GET", f"files/{file}/content"))
            for line in content.splitlines():
                # A broken line loses one request only: it counts as missing.
                with suppress(msgspec.DecodeError, UnicodeDecodeError):
                    reply = msgspec.json.decode(line, type=BatchReply)
                    found[reply.custom_id] = reply
        return found

    def completion(self, reply: BatchReply, request: Request) -> Completion:
        """Return the completion in a line.

        Raises:
            BackendError: the line reports a failure.
        """
        if reply.response is None:
            problem = reply.error or _BatchError()
            words = self._connection.scrubbed(problem.message or "no response")
            raise PermanentError(words, reason=f"batch_{problem.code or 'error'}")
        content = bytes(reply.response.body)
        if not is_success(reply.response.status_code):
            raise self._connection.refusal(reply.response.status_code, {}, content)
        try:
            return replace(read_completion(content, request), batch=True)
        except msgspec.MsgspecError as error:
            words = f"not a completion: {error}: {self._connection.words(content)}"
            raise TransientError(words, reason="bad_reply") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _find_batch(self, token: str) -> str | None:
        listed = await self._ask("GET", "batches", _BatchList)
        named = (one.id for one in listed.data if (one.metadata or {}).get(_TOKEN_FIELD) == token)
        return next(named, None)

    async def _retry(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `ask`, with retries while they may succeed."""
        attempts = 0
        while True:
            attempts += 1
            try:
                return await ask()
            except TransientError as error:
                error.attempts = attempts
                if attempts == get_openai_settings(self._spec).max_attempts:
                    raise
                pause_s = draw_backoff_s(error)
            await self._sleep(pause_s or 0.0)

    async def _ask(self, method: str, path: str, kind: type[T], data: Any = None) -> T:
        return _decode(await self._send(method, path, data), kind)

    async def _send(self, method: str, path: str, data: Any = None) -> bytes:
        status, headers, content = await self._connection.send(
            build_batch_url(self._spec, self._base_url, path),
            method=method,
            data=data() if callable(data) else data,
            headers={"Content-Type": "application/json"} if isinstance(data, bytes) else None,
            proxy=self._proxy,
        )
        if not is_success(status):
            raise self._connection.refusal(status, headers, content)
        return content


def _make_upload_form(lines: bytes) -> Callable[[], aiohttp.FormData]:
    """Return a function that builds the upload form of a file; each attempt needs a new form."""

    def form() -> aiohttp.FormData:
        fields = aiohttp.FormData()
        fields.add_field("purpose", "batch")
        fields.add_field("file", lines, filename="batch.jsonl", content_type="application/jsonl")
        return fields

    return form


def _decode(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"not what a batch endpoint sends: {error}"
        raise TransientError(message, reason="bad_reply") from error
