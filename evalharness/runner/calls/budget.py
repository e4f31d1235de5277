"""Count what a run spends, and stop it before a call could exceed its budget.

A call is admitted if the budget covers the most that it may cost. Otherwise it waits until the cost
of earlier calls is known. The run ends when no call can be admitted. Calls in flight reserve only a
part of the remaining budget, and judgments and later turns take precedence. So a run finishes its
first questions before it begins the others.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from evalharness.backends import watch_attempts
from evalharness.domain import estimate_max_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalharness.backends import StopSignal
    from evalharness.domain import (
        Backend,
        Budget,
        Completion,
        LoadedModel,
        ModelLender,
        ModelSpec,
        Request,
        WorkResult,
    )

_IN_FLIGHT_SHARE = 0.25  # of the remaining budget


class BudgetMeter:
    """The calls and US dollars of a run so far.

    Attributes:
        calls: the number of requests made; each attempt counts.
        unrecorded: those of them without a reply that could be kept.
        usd: their cost, as far as prices are known.
        ended_by: a description of the limit that was reached; None before that.
    """

    def __init__(
        self, budget: Budget, stop: StopSignal, *, calls: int = 0, usd: float = 0.0
    ) -> None:
        """Start from the calls and dollars that earlier sessions have spent."""
        self.calls = calls
        self.unrecorded = 0
        self.usd = usd
        self.ended_by: str | None = None
        self._budget = budget
        self._stop = stop
        self._in_flight = 0
        self._reserved = 0.0
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @contextmanager
    def limit_time(self) -> Iterator[None]:
        """End the run after the budget's minutes. Enter it inside the event loop."""
        if self._budget.minutes is None:
            yield
            return
        words = f"budget.minutes={self._budget.minutes:g} are over"
        loop = asyncio.get_running_loop()
        timer = loop.call_later(60 * self._budget.minutes, self._end, words)
        try:
            yield
        finally:
            timer.cancel()

    async def admit(self, usd: float, *, urgent: bool) -> None:
        """Wait until the budget covers a call that costs at most `usd`.

        Raises:
            RunStoppedError: the budget can no longer cover it.
        """
        queue, is_new = (self._urgent if urgent else self._others), True
        while not self._has_room(usd):
            if not self._in_flight:
                self._end(self._describe_limit(usd))
                self._stop.raise_if_set()
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.append(turn) if is_new else queue.appendleft(turn)
            is_new = False
            await turn
        self._in_flight += 1
        self._reserved += usd
        self._wake()

    def repeat(self) -> None:
        """Record a failed attempt of a call in flight before the next one is made.

        Raises:
            RunStoppedError: the budget does not cover another one.
        """
        if self._budget.calls is not None and self.calls + 1 + self._in_flight > self._budget.calls:
            self._end(f"budget.calls={self._budget.calls} are made")
            self._stop.raise_if_set()
        self.calls += 1
        self.unrecorded += 1

    def settle(self, reserved: float, *, usd: float, asked: bool, replied: bool) -> None:
        """Record the end of a call and its cost.

        Args:
            reserved: the most that it could cost, in US dollars.
            usd: what it cost.
            asked: whether a request was made.
            replied: whether the model replied.
        """
        self._in_flight -= 1
        self._reserved -= reserved
        self.calls += asked
        self.unrecorded += asked and not replied
        self.usd += usd
        self._wake()

    def _has_room(self, usd: float) -> bool:
        calls = math.inf if self._budget.calls is None else self._budget.calls - self.calls
        dollars = math.inf if self._budget.usd is None else self._budget.usd - self.usd
        if self._in_flight:
            calls, dollars = _IN_FLIGHT_SHARE * calls, _IN_FLIGHT_SHARE * dollars
        return self._in_flight + 1 <= calls and (not usd or self._reserved + usd <= dollars)

    def _describe_limit(self, usd: float) -> str:
        """Describe the limit that a call of this price would exceed."""
        if self._budget.calls is not None and self.calls >= self._budget.calls:
            return f"budget.calls={self._budget.calls} are made"
        return (
            f"budget.usd={self._budget.usd:g}, of which {self.usd:.2f} are spent, "
            f"has no room for a call that may cost {usd:.2f}"
        )

    def _wake(self) -> None:
        while queue := self._urgent or self._others:
            first = queue.popleft()
            if not first.done():
                first.set_result(None)
                return

    def _end(self, words: str) -> None:
        self.ended_by = words
        self._stop.set()


class MeteredBackend:
    """A backend that counts its calls, and makes them only while the budget covers them."""

    def __init__(
        self, backend: Backend, meter: BudgetMeter, spec: ModelSpec, *, is_judge: bool
    ) -> None:
        """Count the calls to the backend of a judge or a candidate."""
        self._is_judge = is_judge
        self._backend = backend
        self._meter = meter
        self._spec = spec

    async def complete(self, request: Request) -> Completion:
        """Return a completion, as the backend does.

        Raises:
            RunStoppedError: the budget does not cover it.
        """
        most = max_call_cost_usd(self._spec, request)
        await self._meter.admit(most, urgent=self._is_judge or request.continues)
        usd, attempts, replied = 0.0, 0, False

        def begin_attempt() -> None:
            nonlocal attempts
            if attempts:
                self._meter.repeat()
            attempts += 1

        try:
            with watch_attempts(begin_attempt):
                completion = await self._backend.complete(request)
            replied = True
            known = (
                completion.prompt_tokens is not None and completion.completion_tokens is not None
            )
            usd = self._spec.usd_for_usage(completion.usage) if known else most
        finally:
            self._meter.settle(most, usd=usd, asked=replied or attempts > 0, replied=replied)
        return completion

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return what `work` returns for the backend's model; this costs nothing."""
        return await cast("ModelLender", self._backend).lend(work)

    async def close(self) -> None:
        """Close the backend."""
        await self._backend.close()


def max_call_cost_usd(spec: ModelSpec, request: Request) -> float:
    """Return the most that a call may cost, in US dollars.

    The prompt is assumed to have many tokens, and the reply to be as long as allowed.
    """
    if not spec.prices.is_known:
        return 0.0
    prompt_bytes = sum(len(message.content.encode()) for message in request.messages)
    longest = 1 if request.options else request.sampling.assumed_max_tokens
    return spec.usd_for_tokens(estimate_max_tokens(prompt_bytes), longest)
