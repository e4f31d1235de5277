"""How fast a server is asked, against a bucket that is counted here and a clock that is a number."""

from __future__ import annotations

import math
import time

import pytest

from evalharness.backends.openai.rate_limiter import (
    RateLimiter,
    TokenBucket,
    parse_duration_s,
    parse_reset_s,
)

LIMIT = 100  # requests a second, as many at once


class Bucket:
    """A server's own bucket: full at first, and told about in headers if it is open about it."""

    def __init__(self, *, tells: bool) -> None:
        self.refused = self.served = 0
        self._tells = tells
        self._level = float(LIMIT)
        self._at = 0.0

    def ask(self, pace: RateLimiter, now: float) -> None:
        """Serve or refuse a request, and let the pace know."""
        self._level = min(LIMIT, self._level + (now - self._at) * LIMIT)
        self._at = now
        if self._level < 1:
            self.refused += 1
            pace.record_refused(None, now)
            return
        self._level -= 1
        self.served += 1
        pace.record_served(self._headers() if self._tells else {}, now)

    def _headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit-requests": str(LIMIT),
            "x-ratelimit-remaining-requests": str(int(self._level)),
            "x-ratelimit-reset-requests": f"{(LIMIT - self._level) / LIMIT * 1000:.0f}ms",
        }


@pytest.mark.parametrize(
    ("tells", "refused_at_most", "served_at_least"), [(True, 0.01, 0.98), (False, 0.05, 0.95)]
)
def test_a_limit_is_used_up_and_hardly_ever_run_into(tells, refused_at_most, served_at_least):
    """Whether a server tells its limit or only refuses: nearly all that it allows is asked."""
    server, pace, now = Bucket(tells=tells), RateLimiter(), 0.0
    while now < 30:
        now += 1 / 400  # as fast as 400 a second
        while wait_s := pace.try_acquire(100, now):
            now += wait_s
        server.ask(pace, now)

    assert server.refused <= refused_at_most * server.served
    assert server.served >= served_at_least * LIMIT * 30


def test_without_limits_nobody_waits():
    """A server of one's own has no headers."""
    pace = RateLimiter()
    for _ in range(10_000):
        pace.record_served({}, 0.0)

    assert pace.try_acquire(1e9, 0.0) == 0


def test_a_limit_of_tokens_holds_back_what_needs_many():
    """Long prompts use up a limit that requests alone would not."""
    pace = RateLimiter()
    headers = {
        "x-ratelimit-limit-tokens": "60000",
        "x-ratelimit-remaining-tokens": "10000",
        "x-ratelimit-reset-tokens": "50s",
    }
    pace.record_served(headers, 0.0)

    assert pace.try_acquire(8000, 0.0) == 0
    assert pace.try_acquire(8000, 0.0) == pytest.approx(6.0)
    assert pace.try_acquire(8000, 6.0) == 0
    assert pace.try_acquire(1000, 6.0) == pytest.approx(1.0)


def test_a_prompt_larger_than_the_bucket_waits_until_it_is_full():
    """What can never fit must not wait for ever: the server says what it thinks of it."""
    bucket = TokenBucket()
    bucket.set(10.0, 0.0, level=0.0, capacity=50.0)

    assert bucket.wait_s(1000, 0.0) == pytest.approx(5.0)
    assert bucket.wait_s(1000, 5.0) == 0


def test_while_nothing_comes_through_the_server_is_asked_as_often_as_it_named():
    """Thousands of waiting calls do not make a storm of their own."""
    pace = RateLimiter()
    pace.record_refused(7.0, 0.0)

    assert pace.try_acquire(1, 0.0) == pytest.approx(7)
    assert pace.try_acquire(1, 7.0) == 0
    assert pace.try_acquire(1, 7.0) == pytest.approx(7)


def test_after_a_storm_the_pace_is_soon_what_it_was():
    """A bad minute does not slow down the hour after it."""
    pace = RateLimiter()
    for moment in range(200):
        pace.record_served({}, moment / 100)
    for moment in range(20):
        pace.record_refused(1.0, 2.0 + moment)
    assert pace.requests_per_second == pytest.approx(1)

    now = 22.0
    for _ in range(20):
        while wait_s := pace.try_acquire(1, now):
            now += wait_s
        pace.record_served({}, now)

    assert pace.requests_per_second > 50
    assert now < 26


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6m0s", 360),
        ("12ms", 0.012),
        ("1h2m", 3720),
        ("2m59.56s", 179.56),
        ("1s", 1),
        ("1.5", 1.5),
        ("1d", 86400),
    ],
)
def test_durations_are_read_in_every_form_that_servers_write(text, expected):
    """OpenAI writes units, others plain seconds."""
    assert parse_duration_s(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "soon", "s", "2026-01-01T00:00:00Z"])
def test_what_is_no_duration_says_nothing(text):
    """An unknown form leaves the limit unknown."""
    assert math.isnan(parse_duration_s(text))


@pytest.mark.parametrize(
    ("reset", "expected"),
    [
        ("6m0s", 360),
        ("30", 30),
        ("1764530430", 30),
        ("1764530430000", 30),
        ("2025-11-30T19:20:30Z", 30),
        ("Sun, 30 Nov 2025 19:20:30 GMT", 30),
        ("1764530000", 0),
    ],
)
def test_a_reset_may_be_a_moment(reset, expected):
    """A moment that is taken for a duration would stall the run for fifty years."""
    found = parse_reset_s(reset, "Sun, 30 Nov 2025 19:20:00 GMT")

    assert found == pytest.approx(expected)


def test_a_moment_without_the_servers_time_is_compared_with_ours():
    """Most servers send their time, not all."""
    assert parse_reset_s(str(time.time() + 30)) == pytest.approx(30, abs=5)
    assert math.isnan(parse_reset_s("soon"))


def test_a_limit_with_a_moment_of_reset_does_not_stall():
    """Ten of twenty requests are left, and the rest comes back within a second."""
    pace = RateLimiter()
    pace.record_served(
        {
            "x-ratelimit-limit-requests": "20",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": f"{time.time() + 1:.3f}",
        },
        100.0,
    )

    assert pace.try_acquire(1, 100.0) < 1
