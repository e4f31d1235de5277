"""Call models behind OpenAI-compatible servers, with limits and retries.

aiohttp sends the requests. The client of the `openai` package takes several times the processor
time for each (`tests/performance/client_overhead.py` measures both), which would be the limit with
many requests in flight. The loop over attempts is our own for the same reason: it adds no cost to a
call that succeeds at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.openai.backoff import draw_backoff_s
from evalharness.backends.openai.circuit_breaker import CircuitBreaker
from evalharness.backends.openai.concurrency_limiter import ConcurrencyLimiter
from evalharness.backends.openai.connection import ServerConnection, is_success, timeout
from evalharness.backends.openai.load_balancer import LoadBalancer
from evalharness.backends.openai.rate_limiter import RateLimiter
from evalharness.backends.openai.refusals.refused_fields import explain_refusal
from evalharness.backends.openai.replies.reader import choose_reader
from evalharness.backends.openai.request_body import build_request_url, list_sent_fields
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.backends.stoppable_backend import mark_in_flight
from evalharness.backends.wait_log import WAIT_LOG
from evalharness.domain import estimate_tokens
from evalharness.errors import BackendError, ContextLengthError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from evalharness.backends.openai.refusals.learned_rules import FirstCall, ModelRules
    from evalharness.domain import Completion, ModelSpec, Request

_MIN_TIMEOUT_S = 0.05  # a request that has less is not sent
_MAX_PAUSE_S = 1.0  # until the rate limit is checked again
_JSON_HEADERS = {"Content-Type": "application/json"}
_TOO_MANY_REQUESTS = "http_429"
_SERVER_FAILURE_REASONS = ("connection", "timeout", "bad_reply", "http_5")
_LOST_REASON = "connection"
_OVERLOAD_REASONS = {_TOO_MANY_REQUESTS, "http_503", "http_529", "timeout"}

_waits = logging.getLogger(WAIT_LOG)


class OpenAIClient:
    """A model behind one server, or behind several servers that all serve it."""

    def __init__(
        self,
        spec: ModelSpec,
        *,
        proxies: Mapping[str, str | None],
        key: str | None,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        rules: ModelRules,
    ) -> None:
        """Prepare for calls; no connection is opened before the first request.

        Args:
            spec: the model.
            proxies: the proxy of each server's base URL, or None.
            key: the servers' API key, if they need one.
            sleep: waits before a request is made.
            clock: returns a time in seconds that includes the time in `sleep`.
            rules: what the servers are known to refuse, shared with other connections.
        """
        self._spec = spec
        self._settings = get_openai_settings(spec)
        self._proxies = {build_request_url(spec, url): proxy for url, proxy in proxies.items()}
        self._connection = ServerConnection(spec, key)
        self._sleep = sleep
        self._clock = clock
        self._balancer = LoadBalancer(self._proxies)
        self._concurrency = ConcurrencyLimiter(spec.max_concurrency)
        self._rate_limiters = {url: RateLimiter() for url in self._proxies}
        self._rate_locks = {url: asyncio.Lock() for url in self._proxies}
        self._breaker = CircuitBreaker(self._settings.give_up_after)
        self._rules = rules
        self._read = choose_reader(spec, self._connection.scrubber)

    async def complete(self, request: Request) -> Completion:
        """Return one completion, with retries while they may succeed."""
        with await self._rules.take_turn(request) as turn:
            return await self._complete(request, turn)

    async def complete_first(self, request: Request) -> Completion | None:
        """Return the completion of a request that is the first of its kind, after one attempt.

        None if others of its kind were answered before, or if the attempt failed.
        """
        with await self._rules.take_turn(request) as turn:
            if not turn.is_alone:
                return None
            try:
                return await self._complete(request, turn, most=1)
            except BackendError:
                return None

    async def _complete(
        self, request: Request, turn: FirstCall, most: int | None = None
    ) -> Completion:
        most = most or self._settings.max_attempts
        continues = request.continues
        tried_urls: list[str] = []
        deadline: float | None = None
        failure: BackendError | None = None
        while True:
            self._breaker.raise_if_open()
            await self._concurrency.acquire(continues=continues)
            deadline = deadline or self._clock() + self._settings.total_timeout_s
            body = self._rules.build_body(request)
            try:
                self._breaker.raise_if_open()  # it may have opened during the wait
                completion = await self._ask(request, body, tried_urls, deadline)
            except _RequestChangedError:
                tried_urls.pop()  # the refusal taught what to send, and is no failed attempt
                continue
            except _OutOfTimeError as error:
                failure = failure or error  # what went wrong before says more
            except BackendError as error:
                failure = error
                turn.settle()
            else:
                self._breaker.record_success()
                turn.settle()
                return completion
            finally:
                self._concurrency.release()
                continues = True
            failure.attempts = len(tried_urls)
            await self._wait(failure, deadline, most)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _wait(self, failure: BackendError, deadline: float, most: int) -> None:
        """Wait until the next attempt.

        Raises:
            BackendError: the failure, if a retry cannot succeed or no attempt is left.
        """
        attempts = failure.attempts
        wait_s = draw_backoff_s(failure) if attempts < most else None
        left_s = deadline - self._clock()
        if wait_s is None or wait_s >= left_s:
            if attempts:
                self._breaker.record_failure(failure)
            raise failure
        if wait_s:
            words = failure.reason.removeprefix("http_")
            message = "%s: %s, waiting %.0f s, try %d/%d"
            details = (self._spec.name, words, wait_s, attempts + 1, most)
            _waits.info(message, *details, extra={"wait_s": wait_s})
        await self._sleep(wait_s)

    async def _ask(
        self, request: Request, body: dict[str, Any], tried_urls: list[str], deadline: float
    ) -> Completion:
        """Return the completion of one attempt, made when the rate limit of its server allows it."""
        content = msgspec.json.encode(body)
        tokens = estimate_tokens(len(content)) + request.sampling.assumed_max_tokens
        await self._wait_for_server(deadline)
        url = self._balancer.choose(request, tried_urls, self._clock())
        try:
            await self._wait_for_rate_limit(url, tokens, deadline)
            left_s = deadline - self._clock()
            if left_s < _MIN_TIMEOUT_S:
                raise self._late()
            tried_urls.append(url)
            completion, seconds = await self._attempt(url, request, body, content, left_s)
        finally:
            self._balancer.release(url)
        sent = list_sent_fields(body)
        return replace(completion, seconds=seconds, attempts=len(tried_urls), sent=sent)

    async def _wait_for_server(self, deadline: float) -> None:
        """Wait while no server can be reached and another call tries one.

        Raises:
            BackendError: the total timeout of the call is over, or the model is given up.
        """
        while pause_s := self._balancer.pause_s(self._clock()):
            if self._clock() >= deadline:
                raise self._late()
            await self._sleep(min(pause_s, _MAX_PAUSE_S))
            self._breaker.raise_if_open()

    async def _wait_for_rate_limit(self, url: str, tokens: float, deadline: float) -> None:
        """Wait until the rate limit of a server allows the call; calls wait one after another.

        Raises:
            TransientError: the total timeout of the call is over.
        """
        limiter = self._rate_limiters[url]
        if limiter.is_free:
            return
        async with self._rate_locks[url]:
            while pause_s := limiter.try_acquire(tokens, self._clock()):
                if self._clock() >= deadline:
                    raise self._late()
                if pause_s > _MAX_PAUSE_S:
                    details = (self._spec.name, pause_s)
                    _waits.info("%s: rate limit, %.0f s", *details, extra={"wait_s": pause_s})
                await self._sleep(min(pause_s, _MAX_PAUSE_S))

    def _late(self) -> _OutOfTimeError:
        message = f"no turn within {self._settings.total_timeout_s:g} s"
        return _OutOfTimeError(message, reason="rate_limit")

    async def _attempt(
        self, url: str, request: Request, body: dict[str, Any], content: bytes, left_s: float
    ) -> tuple[Completion, float]:
        """Return a server's completion and the seconds it took; update the limits of the server."""
        sent_at, began = self._clock(), time.perf_counter()
        try:
            status, headers, reply = await self._post(url, content, left_s)
            if not is_success(status):
                raise self._refusal(status, headers, reply, body, request)
            completion = self._completion(headers, reply, request)
        except TransientError as error:
            self._reduce_load(error, url, sent_at)
            raise
        self._balancer.record_success(request, url)
        self._rate_limiters[url].record_served(headers, self._clock())
        self._concurrency.record_success()
        return completion, time.perf_counter() - began

    def _reduce_load(self, error: TransientError, url: str, sent_at: float) -> None:
        """Reduce the load, or avoid the server, after a failed attempt."""
        now = self._clock()
        if error.reason in _OVERLOAD_REASONS:
            self._concurrency.record_overload(sent_at=sent_at, now=now)
        if error.reason == _TOO_MANY_REQUESTS:
            self._rate_limiters[url].record_refused(error.retry_after_s, now)
        elif error.reason.startswith(_SERVER_FAILURE_REASONS):
            self._balancer.record_failure(url, now, is_lost=error.reason == _LOST_REASON)
            if self._balancer.lost_connections >= self._settings.give_up_after:
                self._breaker.open(f"no server could be reached: {error}")

    async def _post(
        self, url: str, body: bytes, left_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        within = None
        if left_s < self._settings.timeout_s:
            within = timeout(left_s)
        with mark_in_flight():
            return await self._connection.send(
                url, data=body, headers=_JSON_HEADERS, proxy=self._proxies[url], within=within
            )

    def _completion(
        self, headers: Mapping[str, str], content: bytes, request: Request
    ) -> Completion:
        """Return the completion in a reply, whatever type of content its headers name."""
        try:
            return self._read(content, request)
        except msgspec.MsgspecError as error:
            kind = headers.get("Content-Type", "")
            problem = str(error) if "json" in kind.lower() else f"it is {kind or 'of no type'}"
        except UnicodeDecodeError:
            problem = "it is not UTF-8"
        message = f"not a completion: {problem}: {self._connection.words(content)}"
        raise TransientError(message, reason="bad_reply")

    def _refusal(
        self,
        status: int,
        headers: Mapping[str, str],
        content: bytes,
        body: dict[str, Any],
        request: Request,
    ) -> Exception:
        """Return the error of a refusal: one to be raised, or that the request has changed since."""
        error = self._connection.refusal(status, headers, content)
        if isinstance(error, ContextLengthError):
            return error
        content = self._connection.scrub_content(content)
        if self._rules.learn(status, content, body, request):
            return _RequestChangedError()
        if isinstance(error, PermanentError):
            error.args = (f"{error}{explain_refusal(content, body, self._spec)}",)
        return error


class _OutOfTimeError(TransientError):
    """The total timeout of the call is over, so no request was sent."""


class _RequestChangedError(Exception):
    """The request was refused, and is another one by what the refusal taught."""
