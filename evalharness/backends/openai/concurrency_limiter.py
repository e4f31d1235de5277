"""Limit the calls in flight: more while the server keeps up, fewer when it refuses calls.

The limit grows as the window of TCP (Jacobson 1988, "Congestion avoidance and control"): by one per
call, so that it doubles with each round, until the first refusal; by one per round after that. A
refusal reduces it by a factor.
"""

from __future__ import annotations

import asyncio
from collections import deque

_INITIAL_LIMIT = 64
_DECREASE_FACTOR = 0.7


class ConcurrencyLimiter:
    """Slots for calls in flight; calls that continue a conversation come before calls that begin one.

    So a conversation ends early, and a judge can start on it early.

    Attributes:
        limit: the current number of slots.
        in_flight: the number of slots that are taken.
    """

    def __init__(self, ceiling: int) -> None:
        """Start with few slots, and never have more than the ceiling."""
        self.limit = float(min(_INITIAL_LIMIT, ceiling))
        self.in_flight = 0
        self._ceiling = ceiling
        self._is_in_slow_start = True
        self._reduced_at = float("-inf")
        self._continuing: deque[asyncio.Future[None]] = deque()
        self._beginning: deque[asyncio.Future[None]] = deque()

    async def acquire(self, *, continues: bool = False) -> None:
        """Wait for a slot, and take it."""
        if self.in_flight < int(self.limit):
            self.in_flight += 1
            return
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._continuing if continues else self._beginning).append(slot)
        try:
            await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Return a slot, and give free slots to waiting calls."""
        self.in_flight -= 1
        while self.in_flight < int(self.limit):
            waiting = self._continuing or self._beginning
            if not waiting:
                return
            slot = waiting.popleft()
            if not slot.done():
                slot.set_result(None)
                self.in_flight += 1

    def record_success(self) -> None:
        """Record a served call; raise the limit if others wait for a slot."""
        if self._continuing or self._beginning:
            step = 1.0 if self._is_in_slow_start else 1.0 / self.limit
            self.limit = min(float(self._ceiling), self.limit + step)

    def record_overload(self, *, sent_at: float, now: float) -> None:
        """Record a refused call; one that was sent before the last refusal changes nothing."""
        if sent_at < self._reduced_at:
            return
        self._reduced_at = now
        self._is_in_slow_start = False
        self.limit = max(1.0, self.limit * _DECREASE_FACTOR)
