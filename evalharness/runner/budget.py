"""What a run spends, and the budget at which it stops: no call is made that might go beyond it.

A call is let through when the budget has room for the most that it may cost; others wait until it
is known what those before them did cost. The run ends when there is room for none. Only a part of
what is left is in the air at a time, and judgments and later turns go first: what the budget pays for
is answered and judged, question by question, not begun everywhere.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

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

_IN_FLIGHT_SHARE = 0.25  # of what is left of a budget
_MIN_BYTES_PER_TOKEN = 3  # few texts have more tokens than a third of their bytes


class BudgetMeter:
    """The calls and US dollars of a run so far.

    Attributes:
        calls: how many were made.
        usd: what they cost, as far as prices are known.
        ended_by: the limit that was reached, in words; None while there is room.
    """

    def __init__(
        self, budget: Budget, stop: StopSignal, *, calls: int = 0, usd: float = 0.0
    ) -> None:
        """Begin with what the run has spent before."""
        self.calls = calls
        self.usd = usd
        self.ended_by: str | None = None
        self._budget = budget
        self._stop = stop
        self._in_air = 0
        self._reserved = 0.0
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @contextmanager
    def limit_time(self) -> Iterator[None]:
        """End the run after the budget's minutes; to be entered in its event loop."""
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
        """Wait until there is room for a call that costs so much at most.

        Raises:
            RunStoppedError: there will be none.
        """
        queue, is_new = (self._urgent if urgent else self._others), True
        while not self._has_room(usd):
            if not self._in_air:
                self._end(self._words(usd))
                self._stop.refuse()
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.append(place) if is_new else queue.appendleft(place)
            is_new = False
            await place
        self._in_air += 1
        self._reserved += usd
        self._wake()

    def settle(self, reserved: float, *, usd: float, made: bool) -> None:
        """Take note of a call that is over, and of what it did cost."""
        self._in_air -= 1
        self._reserved -= reserved
        self.calls += made
        self.usd += usd
        self._wake()

    def _has_room(self, usd: float) -> bool:
        calls = math.inf if self._budget.calls is None else self._budget.calls - self.calls
        dollars = math.inf if self._budget.usd is None else self._budget.usd - self.usd
        if self._in_air:
            calls, dollars = _IN_FLIGHT_SHARE * calls, _IN_FLIGHT_SHARE * dollars
        return self._in_air + 1 <= calls and (not usd or self._reserved + usd <= dollars)

    def _words(self, usd: float) -> str:
        """Return the limit that a call of this price was kept from."""
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
    """A backend whose calls are counted, and made only while the budget has room for them."""

    def __init__(
        self, backend: Backend, meter: BudgetMeter, spec: ModelSpec, *, is_judge: bool
    ) -> None:
        """Count the calls to a backend, a judge's or a candidate's."""
        self._is_judge = is_judge
        self._backend = backend
        self._meter = meter
        self._spec = spec

    async def complete(self, request: Request) -> Completion:
        """Return a completion, as the backend does.

        Raises:
            RunStoppedError: the budget has no room for it.
        """
        most = max_call_cost_usd(self._spec, request)
        await self._meter.admit(most, urgent=self._is_judge or request.continues)
        usd, made = 0.0, False
        try:
            completion = await self._backend.complete(request)
            made = True
            known = (
                completion.prompt_tokens is not None and completion.completion_tokens is not None
            )
            usd = self._spec.usd(completion.usage) if known else most
        finally:
            self._meter.settle(most, usd=usd, made=made)
        return completion

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return what `work` makes of the backend's model, which costs nothing."""
        return await cast("ModelLender", self._backend).lend(work)

    async def close(self) -> None:
        """Close the backend."""
        await self._backend.close()


def max_call_cost_usd(spec: ModelSpec, request: Request) -> float:
    """Return what a call may cost at most: a long prompt, and a reply as long as is allowed."""
    if not spec.prices.is_known:
        return 0.0
    said = sum(len(message.content.encode()) for message in request.messages)
    longest = 1 if request.options else request.sampling.max_tokens
    return spec.usd_of(said // _MIN_BYTES_PER_TOKEN, longest)
