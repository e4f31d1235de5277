"""How many calls a server has at a time: more while it keeps up, fewer when it refuses.

The number grows as TCP's window does (Jacobson 1988, "Congestion avoidance and control"): by one a
call, so that it doubles with each round, until the first refusal; by one a round after that. What a
refusal costs is a share.
"""

from __future__ import annotations

import asyncio
from collections import deque

_INITIAL_LIMIT = 64
_DECREASE_FACTOR = 0.7


class ConcurrencyLimiter:
    """Places for calls in the air; who continues a conversation comes before who begins one.

    A conversation that is finished early is one that a judge can be shown early.

    Attributes:
        limit: how many there are now.
        in_flight: how many are taken.
    """

    def __init__(self, ceiling: int) -> None:
        """Begin with few places, and never have more than the ceiling."""
        self.limit = float(min(_INITIAL_LIMIT, ceiling))
        self.in_flight = 0
        self._ceiling = ceiling
        self._doubles = True
        self._shrunk_at = float("-inf")
        self._continuing: deque[asyncio.Future[None]] = deque()
        self._beginning: deque[asyncio.Future[None]] = deque()

    async def take(self, *, continues: bool = False) -> None:
        """Wait for a place, and take it."""
        if self.in_flight < int(self.limit):
            self.in_flight += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._continuing if continues else self._beginning).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Leave a place to whoever waits."""
        self.in_flight -= 1
        while self.in_flight < int(self.limit):
            waiting = self._continuing or self._beginning
            if not waiting:
                return
            place = waiting.popleft()
            if not place.done():
                place.set_result(None)
                self.in_flight += 1

    def grow(self) -> None:
        """Take note of a call that came through; where others wait for a place, there may be more."""
        if self._continuing or self._beginning:
            step = 1.0 if self._doubles else 1.0 / self.limit
            self.limit = min(float(self._ceiling), self.limit + step)

    def shrink(self, *, asked_at: float, now: float) -> None:
        """Take note of a refused call; those sent before the last refusal are the same news."""
        if asked_at < self._shrunk_at:
            return
        self._shrunk_at = now
        self._doubles = False
        self.limit = max(1.0, self.limit * _DECREASE_FACTOR)
