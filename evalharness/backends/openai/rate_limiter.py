"""Limit the rate of requests to a server, by its headers or by the rate it served before a refusal.

    x-ratelimit-limit-requests: 6000       the capacity of the bucket
    x-ratelimit-remaining-requests: 5900   its level
    x-ratelimit-reset-requests: 1s         until it is full, so it fills by 100 a second

A server may have a second bucket for tokens, from which the prompt and `max_tokens` of a request are
taken. If a server sends no such headers, a refusal shows the limit: the rate served just before it.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DELIVERY_WINDOW_S = 2.0  # how long served requests count
_MIN_DELIVERIES = 20  # served requests, or
_MIN_DELIVERY_S = 1.0  # seconds, before a rate is estimated
_RATE_MARGIN = 0.98  # of the served rate, to stay below the limit
_RATE_GROWTH_PER_S = 0.02  # of the rate, per second
_MIN_DRAINED_SHARE = 0.1  # of a bucket that must be used before its fill rate can be computed
_MIN_RATE_PER_S = 0.2  # per second, while no request is served
_BURST_S = 0.05  # of an estimated rate may be sent at once, as sleeps end a little late
_ROUNDING = 1e-9
_LONGEST_RESET_S = 400 * 86400.0
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_FIRST_EPOCH_S = 1e9  # larger numbers are moments: no limit lasts for thirty years
_FIRST_EPOCH_MS = 1e12
_UNITS_S = (86400.0, 3600.0, 60.0, 1.0, 0.001)


class TokenBucket:
    """A token bucket: its level falls with what is taken and rises with time; unlimited without a rate."""

    def __init__(self) -> None:
        self.rate = math.inf
        self._level = math.inf
        self._capacity = math.inf
        self._at = 0.0

    def wait_s(self, amount: float, now: float) -> float:
        """Return the seconds until the level suffices; an amount above the capacity waits for a full one."""
        if self.rate == math.inf:
            return 0.0
        self._fill(now)
        lacks = min(amount, self._capacity) - self._level
        return lacks / self.rate if lacks > _ROUNDING else 0.0

    def take(self, amount: float) -> None:
        """Take an amount from the level."""
        self._level -= amount

    def set(self, rate: float, now: float, *, level: float, capacity: float) -> None:
        """Change the rate; amounts that were taken stay taken."""
        self._fill(now)
        self.rate = rate
        self._capacity = capacity
        self._level = min(self._level, level, capacity)

    def _fill(self, now: float) -> None:
        if self.rate < math.inf:
            self._level = min(self._capacity, self._level + (now - self._at) * self.rate)
        self._at = now


class RateLimiter:
    """The known limits of a server, in requests and tokens per second."""

    def __init__(self) -> None:
        self._requests = TokenBucket()
        self._tokens = TokenBucket()
        self._served_at: deque[float] = deque()
        self._window_start = math.inf
        self._served_rate = 0.0
        self._has_header_limits = False

    @property
    def is_free(self) -> bool:
        """Whether no limit is known."""
        return self._requests.rate == self._tokens.rate == math.inf

    @property
    def requests_per_second(self) -> float:
        """The current limit; infinite while no limit is known."""
        return self._requests.rate

    def try_acquire(self, tokens: float, now: float) -> float:
        """Return 0 and count a request as sent, if the limits allow it now.

        Otherwise return the seconds to wait before the next try, and count nothing.
        """
        wait_s = max(self._requests.wait_s(1.0, now), self._tokens.wait_s(tokens, now))
        if wait_s == 0.0:
            self._requests.take(1.0)
            self._tokens.take(tokens)
        return wait_s

    def record_served(self, headers: Mapping[str, str], now: float) -> None:
        """Record a served request, and the limits in the headers of the reply."""
        self._window_start = min(self._window_start, now)
        self._served_at.append(now)
        self._drop_old(now)
        if "x-ratelimit-limit-requests" in headers:
            self._has_header_limits = (
                _set_from_headers(self._requests, headers, "requests", now)
                or self._has_header_limits
            )
        if "x-ratelimit-limit-tokens" in headers:
            _set_from_headers(self._tokens, headers, "tokens", now)
        if not self._has_header_limits and self._requests.rate < math.inf:
            rate = self._requests.rate
            self._set_estimated_rate(
                2 * rate if 2 * rate <= self._served_rate else rate + _RATE_GROWTH_PER_S, now
            )

    def record_refused(self, wait_s: float | None, now: float) -> None:
        """Record a 429: limit the rate to that of the served requests, or to a minimum without any.

        Args:
            wait_s: the seconds that the server requested to wait.
            now: the current time.
        """
        rate = self._requests.rate
        if (
            rate == math.inf
            or len(self._served_at) >= _MIN_DELIVERIES
            or now - self._window_start >= _MIN_DELIVERY_S
        ):
            # Between two refusals, a bucket serves exactly what flows into it.
            self._drop_old(now)
            seen = len(self._served_at) / max(now - self._window_start, 1e-3)
            self._served_rate = seen or self._served_rate
            rate = max(min(rate, _RATE_MARGIN * seen), 1.0 / wait_s if wait_s else _MIN_RATE_PER_S)
            self._served_at.clear()
            self._window_start = now
        self._set_estimated_rate(rate, now, level=0.0)

    def _set_estimated_rate(self, rate: float, now: float, level: float = math.inf) -> None:
        self._requests.set(rate, now, level=level, capacity=max(1.0, _BURST_S * rate))

    def _drop_old(self, now: float) -> None:
        self._window_start = max(self._window_start, now - _DELIVERY_WINDOW_S)
        while self._served_at and self._served_at[0] < self._window_start:
            self._served_at.popleft()


def _set_from_headers(
    bucket: TokenBucket, headers: Mapping[str, str], kind: str, now: float
) -> bool:
    """Set a bucket from the headers of a reply; return whether they describe one."""
    limit = _parse_number(headers.get(f"x-ratelimit-limit-{kind}"))
    remaining = _parse_number(headers.get(f"x-ratelimit-remaining-{kind}"))
    reset_s = parse_reset_s(headers.get(f"x-ratelimit-reset-{kind}", ""), headers.get("date"))
    if not (1 <= limit < math.inf and 0 < reset_s <= _LONGEST_RESET_S):
        return False
    if not _MIN_DRAINED_SHARE * limit <= limit - remaining <= limit:
        return False
    bucket.set((limit - remaining) / reset_s, now, level=remaining, capacity=limit)
    return True


def parse_reset_s(reset: str, date: str | None = None) -> float:
    """Return the seconds until a limit is reset; NaN where the header does not say.

    Args:
        reset: a duration, a moment in seconds or milliseconds since 1970, or a date and time.
        date: the server's own time, from the header `date`; None takes this machine's.
    """
    moment = parse_duration_s(reset)
    if moment >= _FIRST_EPOCH_MS:
        moment /= 1000.0
    elif math.isnan(moment):
        moment = _parse_moment(reset)
        if math.isnan(moment):
            return math.nan
    if moment < _FIRST_EPOCH_S:
        return moment
    now = _parse_moment(date or "")
    return max(0.0, moment - (time.time() if math.isnan(now) else now))


def _parse_moment(text: str) -> float:
    """Return a date and time, as HTTP or ISO 8601 write it, in seconds since 1970; else NaN."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, OverflowError):
            found = parse(text)
            return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    return math.nan


def parse_duration_s(duration: str) -> float:
    """Return the seconds in `6m0s`, `12ms`, `1h2m`, or a plain number; NaN for any other text."""
    found = _DURATION.fullmatch(duration.strip())
    if found is None or not any(found.groups()):
        return _parse_number(duration)
    parts = zip(found.groups(), _UNITS_S, strict=True)
    return sum(_parse_number(part) * unit for part, unit in parts if part)


def _parse_number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
