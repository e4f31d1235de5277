"""The connection to OpenAI-compatible servers: pool, limit, retries.

aiohttp carries the requests: the `openai` package's own client spends several times the processor
time on each (`tests/performance/client_overhead.py` measures both), and with many requests in the
air that, not the network, would be the limit.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from evalharness.backends import _openai_wire as wire
from evalharness.backends import on_the_wire
from evalharness.errors import BackendError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tenacity import RetryCallState

    from evalharness.domain import Completion, ModelSpec, Request

DEFAULT_CONCURRENCY = 32
_CONNECT_TIMEOUT_S = 10.0
_OK = 200

_backoff = wait_random_exponential(multiplier=0.5, max=wire.LONGEST_WAIT_S)


class Client:
    """A model behind one server, or behind several that all serve it."""

    def __init__(
        self,
        spec: ModelSpec,
        *,
        proxies: Mapping[str, str | None],
        key: str | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Prepare to ask; nothing is opened before the first request.

        Args:
            spec: the model.
            proxies: the servers' base URLs, each with the proxy that leads to it, if one does.
            key: the servers' key, if they want one.
            sleep: waits before a request is made again.
        """
        self._spec = spec
        self._proxies = {wire.address(spec, url): proxy for url, proxy in proxies.items()}
        self._key = key
        self._sleep = sleep
        self._slots = asyncio.Semaphore(spec.concurrency or DEFAULT_CONCURRENCY)
        self._in_flight: Counter[str] = Counter()
        self._takes_max_tokens = True
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: Request) -> Completion:
        """Return one completion; a request that waits to be made again keeps its slot."""
        body = wire.body(self._spec, request)
        tried: list[str] = []
        # One object a request: tenacity keeps the state of its loop in it.
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._spec.max_attempts),
            wait=_wait_s,
            retry=retry_if_exception_type(TransientError),
            sleep=self._sleep,
            reraise=True,
        )
        async with self._slots:
            try:
                return await retrying(self._ask, request, body, tried)
            except BackendError as error:
                error.attempts = len(tried)
                raise

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, request: Request, body: dict[str, Any], tried: list[str]) -> Completion:
        """Return the completion of one attempt, at the least busy server not yet tried."""
        url = min(self._proxies, key=lambda url: (tried.count(url), self._in_flight[url]))
        tried.append(url)
        if not self._takes_max_tokens and "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
        self._in_flight[url] += 1
        began = time.perf_counter()
        try:
            status, headers, content = await self._post(url, msgspec.json.encode(body))
        finally:
            self._in_flight[url] -= 1
        if status != _OK:
            raise self._refusal(status, headers, content, body)
        completion = self._completion(headers, content, request)
        return replace(completion, seconds=time.perf_counter() - began, attempts=len(tried))

    async def _post(self, url: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        try:
            with on_the_wire():
                async with self._opened().post(
                    url, data=body, proxy=self._proxies[url], allow_redirects=False
                ) as response:
                    return response.status, response.headers, await response.read()
        except TimeoutError as error:
            message = str(error) or f"no reply within {self._spec.timeout_s:g} s"
            raise TransientError(message, reason="timeout") from error
        except aiohttp.ClientError as error:
            message = self._scrubbed(f"the connection failed: {error or type(error).__name__}")
            # The cause is dropped: its repr may hold the request's headers, and so the key.
            raise TransientError(message, reason="connection") from None

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session; it is made here because it needs the running loop."""
        if self._session is None:
            headers = {"Content-Type": "application/json"}
            if self._key and self._spec.api_version:
                headers["api-key"] = self._key
            elif self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # the slots are the limit
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=headers,
                timeout=aiohttp.ClientTimeout(
                    total=self._spec.timeout_s, sock_connect=_CONNECT_TIMEOUT_S
                ),
            )
        return self._session

    def _completion(
        self, headers: Mapping[str, str], content: bytes, request: Request
    ) -> Completion:
        kind = headers.get("Content-Type", "")
        try:
            if "json" in kind:
                return wire.completion(content, request)
            problem = f"it is {kind or 'of no type'}, not JSON"
        except msgspec.MsgspecError as error:
            problem = str(error)
        except UnicodeDecodeError:
            problem = "it is not UTF-8"
        message = f"not a completion: {problem}: {wire.words(content, self._key)}"
        raise TransientError(message, reason="bad_reply")

    def _refusal(
        self, status: int, headers: Mapping[str, str], content: bytes, body: dict[str, Any]
    ) -> BackendError:
        error = wire.refusal(status, headers, wire.words(content, self._key))
        message = self._scrubbed(str(error))
        if "max_completion_tokens" in message and "max_tokens" in body:
            # OpenAI's reasoning models know the limit only under its newer name.
            self._takes_max_tokens = False
            return TransientError(message, reason=error.reason, retry_after_s=0.0)
        error.args = (message + self._remedy(status),)
        return error

    def _remedy(self, status: int) -> str:
        name = self._spec.name
        match status:
            case 401 | 403:
                return f"; check the key (models.{name}.api_key_env names its variable)"
            case 404:
                return f"; check models.{name}.base_url and models.{name}.api_name"
        return ""

    def _scrubbed(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _wait_s(state: RetryCallState) -> float:
    """Return the seconds that the server asked for, else a random part of a growing span."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TransientError) and error.retry_after_s is not None:
        return error.retry_after_s
    return _backoff(state)
