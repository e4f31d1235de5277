"""How fast a server may be asked: what its headers say, or what it let through before it refused.

    x-ratelimit-limit-requests: 6000       the bucket's size
    x-ratelimit-remaining-requests: 5900   what is in it
    x-ratelimit-reset-requests: 1s         until it is full again: so it fills by 100 a second

A server may have a second bucket of tokens, which a request's prompt and its `max_tokens` are taken
from. Where a server says nothing, a refusal shows the rate: it is what came through just before.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DELIVERY_WINDOW_S = 2.0  # how far back deliveries count
_MIN_DELIVERIES = 20  # deliveries, or
_MIN_DELIVERY_S = 1.0  # seconds, that show a rate
_RATE_MARGIN = 0.98  # of what came through, to stay under the limit
_RATE_GROWTH_PER_S = 0.02  # of the rate, a second
_MIN_DRAINED_SHARE = 0.1  # the share of a bucket that must be gone before its filling can be told
_MIN_RATE_PER_S = 0.2  # a second, while nothing comes through
_BURST_S = 0.05  # of a guessed rate may go at once: who sleeps wakes a little late
_ROUNDING = 1e-9
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_UNITS_S = (86400.0, 3600.0, 60.0, 1.0, 0.001)


class TokenBucket:
    """A level that falls with what is taken and rises with time; without a rate it never ends."""

    def __init__(self) -> None:
        self.rate = math.inf
        self._level = math.inf
        self._capacity = math.inf
        self._at = 0.0

    def wait_s(self, amount: float, now: float) -> float:
        """Return the seconds until there is enough; more than it can hold waits until it is full."""
        if self.rate == math.inf:
            return 0.0
        self._fill(now)
        lacks = min(amount, self._capacity) - self._level
        return lacks / self.rate if lacks > _ROUNDING else 0.0

    def take(self, amount: float) -> None:
        """Take an amount."""
        self._level -= amount

    def set(self, rate: float, now: float, *, level: float, capacity: float) -> None:
        """Change the rate; what is already taken stays taken."""
        self._fill(now)
        self.rate = rate
        self._capacity = capacity
        self._level = min(self._level, level, capacity)

    def _fill(self, now: float) -> None:
        if self.rate < math.inf:
            self._level = min(self._capacity, self._level + (now - self._at) * self.rate)
        self._at = now


class RateLimiter:
    """The requests and tokens a second that a server takes, as far as it is known."""

    def __init__(self) -> None:
        self._requests = TokenBucket()
        self._tokens = TokenBucket()
        self._delivered: deque[float] = deque()
        self._since = math.inf
        self._good = 0.0
        self._is_told = False

    @property
    def is_free(self) -> bool:
        """Whether no limit is known."""
        return self._requests.rate == self._tokens.rate == math.inf

    @property
    def requests_a_second(self) -> float:
        """The rate now; infinite while no limit is known."""
        return self._requests.rate

    def take(self, tokens: float, now: float) -> float:
        """Return 0 where a request that may use so many tokens can be sent now, and count it as sent.

        Elsewhere return the seconds after which that may be asked again, and count nothing.
        """
        wait_s = max(self._requests.wait_s(1.0, now), self._tokens.wait_s(tokens, now))
        if wait_s == 0.0:
            self._requests.take(1.0)
            self._tokens.take(tokens)
        return wait_s

    def came_through(self, headers: Mapping[str, str], now: float) -> None:
        """Take note of a served request, and of what the server says of its limits."""
        self._since = min(self._since, now)
        self._delivered.append(now)
        self._forget(now)
        if "x-ratelimit-limit-requests" in headers:
            self._is_told = (
                _set_from_headers(self._requests, headers, "requests", now) or self._is_told
            )
        if "x-ratelimit-limit-tokens" in headers:
            _set_from_headers(self._tokens, headers, "tokens", now)
        if not self._is_told and self._requests.rate < math.inf:
            rate = self._requests.rate
            self._guess(2 * rate if 2 * rate <= self._good else rate + _RATE_GROWTH_PER_S, now)

    def refused(self, wait_s: float | None, now: float) -> None:
        """Take note of a 429: go no faster than what came through, once in a while if nothing did.

        Args:
            wait_s: what the server asked to wait.
            now: the time.
        """
        rate = self._requests.rate
        if (
            rate == math.inf
            or len(self._delivered) >= _MIN_DELIVERIES
            or now - self._since >= _MIN_DELIVERY_S
        ):
            # Between two refusals a bucket lets through what flows into it, and nothing else.
            self._forget(now)
            seen = len(self._delivered) / max(now - self._since, 1e-3)
            self._good = seen or self._good
            rate = max(min(rate, _RATE_MARGIN * seen), 1.0 / wait_s if wait_s else _MIN_RATE_PER_S)
            self._delivered.clear()
            self._since = now
        self._guess(rate, now, level=0.0)

    def _guess(self, rate: float, now: float, level: float = math.inf) -> None:
        self._requests.set(rate, now, level=level, capacity=max(1.0, _BURST_S * rate))

    def _forget(self, now: float) -> None:
        self._since = max(self._since, now - _DELIVERY_WINDOW_S)
        while self._delivered and self._delivered[0] < self._since:
            self._delivered.popleft()


def _set_from_headers(
    bucket: TokenBucket, headers: Mapping[str, str], kind: str, now: float
) -> bool:
    """Set a bucket as a server describes its own; whether that could be told."""
    limit = _parse_number(headers.get(f"x-ratelimit-limit-{kind}"))
    remaining = _parse_number(headers.get(f"x-ratelimit-remaining-{kind}"))
    reset_s = parse_duration_s(headers.get(f"x-ratelimit-reset-{kind}", ""))
    if not (limit > 0 and reset_s > 0 and limit - remaining >= _MIN_DRAINED_SHARE * limit):
        return False
    bucket.set((limit - remaining) / reset_s, now, level=remaining, capacity=limit)
    return True


def parse_duration_s(duration: str) -> float:
    """Return the seconds in `6m0s`, `12ms`, `1h2m`, or a plain number; NaN for anything else."""
    found = _DURATION.fullmatch(duration.strip())
    if found is None or not any(found.groups()):
        return _parse_number(duration)
    return math.fsum(
        float(part) * unit for part, unit in zip(found.groups(), _UNITS_S, strict=True) if part
    )


def _parse_number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
