"""Create, find, poll and read batches at the batch endpoints of OpenAI and Azure.

The `openai` package sends the requests; the attempts and the waits between them are ours.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evalharness.backends.openai.backoff import draw_backoff_s
from evalharness.backends.openai.connection import ServerConnection, is_success
from evalharness.backends.openai.openai_package import open_client, translate_error
from evalharness.backends.openai.replies.reader import choose_reader
from evalharness.backends.openai.request_body import build_batch_endpoint
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import openai

    from evalharness.domain import Completion, ModelSpec, Request

FINAL_BATCH_STATUSES = frozenset({"completed", "failed", "expired", "cancelled"})
_TOKEN_FIELD = "evalharness"  # noqa: S105 - the name of a field
_PAGE_SIZE = 100
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
        self._sleep = sleep
        self._connection = ServerConnection(spec, key)  # for the words of failures
        self._scrubber = self._connection.scrubber
        self._read = choose_reader(spec, self._scrubber)
        timeout_s = get_openai_settings(spec).timeout_s
        self._open = partial(
            open_client,
            spec,
            base_url,
            key=key,
            scrubber=self._scrubber,
            proxy=proxy,
            timeout_s=timeout_s,
        )
        self._client: openai.AsyncOpenAI | None = None

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
        file = ("batch.jsonl", lines, "application/jsonl")
        uploaded = await self._ask(lambda api: api.files.create(file=file, purpose="batch"))
        wanted: dict[str, Any] = {
            "input_file_id": self._get_id(uploaded),
            "endpoint": build_batch_endpoint(self._spec),
            "completion_window": "24h",
            "metadata": {_TOKEN_FIELD: token},
        }
        tried: list[str] = []

        async def make(api: openai.AsyncOpenAI) -> str:
            # A batch whose creation seemed to fail may exist all the same; it must not be created twice.
            if tried and (found := await self._find(api, token)):
                return found
            tried.append(token)
            return self._get_id(await api.batches.create(**wanted))

        return await self._ask(make)

    async def find(self, token: str) -> str | None:
        """Return the id of the batch that was made with a token, or None."""
        return await self._ask(lambda api: self._find(api, token))

    async def status(self, batch: str) -> BatchStatus:
        """Return the status of a batch."""

        async def read(api: openai.AsyncOpenAI) -> BatchStatus:
            return self._read_status(await api.batches.retrieve(batch))

        return await self._ask(read)

    async def replies(self, status: BatchStatus) -> dict[str, BatchReply]:
        """Return the reply lines of an ended batch, by the key of their request."""
        found: dict[str, BatchReply] = {}
        for file in filter(None, (status.error_file_id, status.output_file_id)):
            content = (await self._ask(lambda api, file=file: api.files.content(file))).content  # type: ignore[misc]
            for line in content.splitlines():
                # A broken line loses one request only: it counts as missing.
                with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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
            return replace(self._read(content, request), batch=True)
        except msgspec.MsgspecError as error:
            words = f"not a completion: {error}: {self._connection.words(content)}"
            raise TransientError(words, reason="bad_reply") from None

    def scrub_content(self, content: bytes) -> bytes:
        """Return a server's reply without secrets."""
        return self._connection.scrub_content(content)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _ask(self, call: Callable[[openai.AsyncOpenAI], Awaitable[T]]) -> T:
        """Return the result of a call to the server, with retries while they may succeed."""
        attempts = 0
        while True:
            attempts += 1
            try:
                return await self._attempt(call)
            except TransientError as error:
                error.attempts = attempts
                if attempts == get_openai_settings(self._spec).max_attempts:
                    raise
                pause_s = draw_backoff_s(error)
            await self._sleep(pause_s or 0.0)

    async def _attempt(self, call: Callable[[openai.AsyncOpenAI], Awaitable[T]]) -> T:
        import openai

        if self._client is None:
            self._client = await asyncio.to_thread(self._open)
        try:
            return await call(self._client)
        except openai.APIStatusError as error:
            reply = error.response
            failure = self._connection.refusal(reply.status_code, reply.headers, reply.content)
        except openai.OpenAIError as error:
            failure = translate_error(error, self._scrubber)
        except (msgspec.ValidationError, AttributeError) as error:
            # The package takes any JSON, and text, for what was asked.
            message = f"not what a batch endpoint sends: {error}"
            failure = TransientError(message, reason="bad_reply")
        raise failure from None

    async def _find(self, api: openai.AsyncOpenAI, token: str) -> str | None:
        """Return the id of the batch with a token, on whichever page of the list it is."""
        seen: set[str] = set()
        async for batch in api.batches.list(limit=_PAGE_SIZE):
            status = self._read_status(batch)
            if (status.metadata or {}).get(_TOKEN_FIELD) == token:
                return status.id
            if status.id in seen:  # a server without pages sends its whole list again
                return None
            seen.add(status.id)
        return None

    def _read_status(self, batch: Any) -> BatchStatus:
        """Return a batch as a record of ours, without secrets.

        Raises:
            msgspec.ValidationError: it lacks what a batch has.
        """
        return msgspec.convert(self._scrubber.scrub_tree(batch.model_dump()), BatchStatus)

    def _get_id(self, created: Any) -> str:
        """Return the id of what a server created.

        Raises:
            msgspec.ValidationError: it has none.
        """
        return self._scrubber.scrub(msgspec.convert(created.id, str))
