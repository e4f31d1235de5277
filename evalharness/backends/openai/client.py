"""The connection to OpenAI-compatible servers: pool, limits, retries.

aiohttp carries the requests: the `openai` package's own client spends several times the processor
time on each (`tests/performance/client_overhead.py` measures both), and with many requests in the
air that, not the network, would be the limit. The loop over attempts is our own for the same
reason: a call that succeeds at once pays nothing for it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.openai.circuit_breaker import CircuitBreaker
from evalharness.backends.openai.concurrency_limiter import ConcurrencyLimiter
from evalharness.backends.openai.connection import HTTP_OK, ServerConnection, timeout
from evalharness.backends.openai.load_balancer import LoadBalancer
from evalharness.backends.openai.rate_limiter import RateLimiter
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.backends.openai.wire import (
    MAX_RETRY_AFTER_S,
    build_request_body,
    build_request_url,
    read_completion,
)
from evalharness.backends.stoppable_backend import mark_in_flight
from evalharness.backends.wait_log import WAIT_LOG
from evalharness.domain import estimate_tokens
from evalharness.errors import BackendError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from evalharness.domain import Completion, ModelSpec, Request

_MIN_TIMEOUT_S = 0.001  # zero would mean none
_FIRST_BACKOFF_S = 0.5
_MAX_PAUSE_S = 1.0  # before the pace is looked at again
_JSON_HEADERS = {"Content-Type": "application/json"}
_TOO_MANY_REQUESTS = "http_429"
_SERVER_FAILURE_REASONS = ("connection", "timeout", "bad_reply", "http_5")
_OVERLOAD_REASONS = {_TOO_MANY_REQUESTS, "http_503", "http_529", "timeout"}

_waits = logging.getLogger(WAIT_LOG)


class OpenAIClient:
    """A model behind one server, or behind several that all serve it."""

    def __init__(
        self,
        spec: ModelSpec,
        *,
        proxies: Mapping[str, str | None],
        key: str | None,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """Prepare to ask; nothing is opened before the first request.

        Args:
            spec: the model.
            proxies: the servers' base URLs, each with the proxy that leads to it, if one does.
            key: the servers' key, if they want one.
            sleep: waits before a request is made.
            clock: the seconds that passed, also in `sleep`.
        """
        self._spec = spec
        self._settings = get_openai_settings(spec)
        self._proxies = {build_request_url(spec, url): proxy for url, proxy in proxies.items()}
        self._connection = ServerConnection(spec, key)
        self._sleep = sleep
        self._clock = clock
        self._servers = LoadBalancer(self._proxies)
        self._slots = ConcurrencyLimiter(spec.max_concurrency)
        self._paces = {url: RateLimiter() for url in self._proxies}
        self._turns = {url: asyncio.Lock() for url in self._proxies}
        self._breaker = CircuitBreaker(self._settings.give_up_after)
        self._takes_max_tokens = True

    async def complete(self, request: Request) -> Completion:
        """Return one completion, asked for again while that may help."""
        body = build_request_body(self._spec, request)
        continues = request.continues
        tried: list[str] = []
        ends_at: float | None = None
        while True:
            self._breaker.refuse_when_open()
            await self._slots.take(continues=continues)
            ends_at = ends_at or self._clock() + self._settings.total_timeout_s
            try:
                self._breaker.refuse_when_open()  # it may have opened meanwhile
                completion = await self._ask(request, body, tried, ends_at)
            except BackendError as error:
                failure = error
            else:
                self._breaker.succeeded()
                return completion
            finally:
                self._slots.give_back()
            failure.attempts = len(tried)
            await self._wait(failure, ends_at)
            continues = True

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _wait(self, failure: BackendError, ends_at: float) -> None:
        """Wait until it is time to ask again.

        Raises:
            BackendError: the failure, where asking again is of no use or no more attempt is left.
        """
        attempts, most = failure.attempts, self._settings.max_attempts
        wait_s = draw_backoff_s(failure) if attempts < most else None
        left_s = ends_at - self._clock()
        if wait_s is None or wait_s >= left_s:
            if attempts:
                self._breaker.failed(failure)
            raise failure
        if wait_s:
            words = failure.reason.removeprefix("http_")
            message = "%s: %s, waiting %.0f s, try %d/%d"
            details = (self._spec.name, words, wait_s, attempts + 1, most)
            _waits.info(message, *details, extra={"wait_s": wait_s})
        await self._sleep(wait_s)

    async def _ask(
        self, request: Request, body: dict[str, Any], tried: list[str], ends_at: float
    ) -> Completion:
        """Return the completion of one attempt, made when its server's pace allows it."""
        if not self._takes_max_tokens and "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
        content = msgspec.json.encode(body)
        tokens = estimate_tokens(len(content)) + request.sampling.max_tokens
        url = self._servers.choose(request, tried, self._clock())
        try:
            await self._keep_pace(url, tokens, ends_at)
            tried.append(url)
            left_s = ends_at - self._clock()
            completion, seconds = await self._attempt(url, request, body, content, left_s)
        finally:
            self._servers.release(url)
        return replace(completion, seconds=seconds, attempts=len(tried))

    async def _keep_pace(self, url: str, tokens: float, ends_at: float) -> None:
        """Wait until a server may be asked, one call after another; the pace may change meanwhile.

        Raises:
            TransientError: the call's time is over.
        """
        pace = self._paces[url]
        if pace.is_free:
            return
        async with self._turns[url]:
            while pause_s := pace.take(tokens, self._clock()):
                if self._clock() >= ends_at:
                    message = f"no turn within {self._settings.total_timeout_s:g} s"
                    raise TransientError(message, reason="rate_limit")
                if pause_s > _MAX_PAUSE_S:
                    details = (self._spec.name, pause_s)
                    _waits.info("%s: rate limit, %.0f s", *details, extra={"wait_s": pause_s})
                await self._sleep(min(pause_s, _MAX_PAUSE_S))

    async def _attempt(
        self, url: str, request: Request, body: dict[str, Any], content: bytes, left_s: float
    ) -> tuple[Completion, float]:
        """Return what a server sends back, in how many seconds; learn how it is to be asked."""
        asked_at, began = self._clock(), time.perf_counter()
        try:
            status, headers, reply = await self._post(url, content, left_s)
            if status != HTTP_OK:
                raise self._refusal(status, headers, reply, body)
            completion = self._completion(headers, reply, request)
        except TransientError as error:
            self._heed(error, url, asked_at)
            raise
        self._servers.served(request, url)
        self._paces[url].came_through(headers, self._clock())
        self._slots.grow()
        return completion, time.perf_counter() - began

    def _heed(self, error: TransientError, url: str, asked_at: float) -> None:
        """Ask less, or elsewhere, after a failed attempt."""
        now = self._clock()
        if error.reason in _OVERLOAD_REASONS:
            self._slots.shrink(asked_at=asked_at, now=now)
        if error.reason == _TOO_MANY_REQUESTS:
            self._paces[url].refused(error.retry_after_s, now)
        elif error.reason.startswith(_SERVER_FAILURE_REASONS):
            self._servers.failed(url, now)

    async def _post(
        self, url: str, body: bytes, left_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        within = None
        if left_s < self._settings.timeout_s:
            within = timeout(max(left_s, _MIN_TIMEOUT_S))
        with mark_in_flight():
            return await self._connection.send(
                url, data=body, headers=_JSON_HEADERS, proxy=self._proxies[url], within=within
            )

    def _completion(
        self, headers: Mapping[str, str], content: bytes, request: Request
    ) -> Completion:
        kind = headers.get("Content-Type", "")
        try:
            if "json" in kind:
                return read_completion(content, request)
            problem = f"it is {kind or 'of no type'}, not JSON"
        except msgspec.MsgspecError as error:
            problem = str(error)
        except UnicodeDecodeError:
            problem = "it is not UTF-8"
        message = f"not a completion: {problem}: {self._connection.words(content)}"
        raise TransientError(message, reason="bad_reply")

    def _refusal(
        self, status: int, headers: Mapping[str, str], content: bytes, body: dict[str, Any]
    ) -> BackendError:
        error = self._connection.refusal(status, headers, content)
        if "max_completion_tokens" in str(error) and "max_tokens" in body:
            # OpenAI's reasoning models know the limit only under its newer name.
            self._takes_max_tokens = False
            return TransientError(str(error), reason=error.reason, retry_after_s=0.0)
        return error


def draw_backoff_s(failure: BackendError) -> float | None:
    """Return the seconds that the server asked for, else a random part of a growing span.

    The whole span is open to chance (full jitter: M. Brooker, "Exponential backoff and jitter",
    2015), so that calls that failed together do not come back together. None where the same
    request can never succeed.
    """
    if not isinstance(failure, TransientError):
        return None
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    span_s = _FIRST_BACKOFF_S * 2.0 ** (failure.attempts - 1)
    return random.uniform(0.0, min(MAX_RETRY_AFTER_S, span_s))
