"""What the client reads out of probabilities, waits and failures, without any server."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from endpoint_model import KEY

from evalharness.backends.openai.completion_reply import option_probabilities
from evalharness.backends.openai.error_reply import (
    make_http_error,
    retry_after_s,
    summarize_error_reply,
)
from evalharness.errors import ContextLengthError, PermanentError, TransientError

GRADES = tuple(f"{score}]]" for score in range(1, 11))


def _tokens(**shares):
    return [(token, math.log(share)) for token, share in shares.items()]


@pytest.mark.parametrize(
    ("options", "shares", "expected"),
    [
        (("A", "B", "C"), {"A": 0.5, " B": 0.3, "The": 0.1}, (0.5, 0.3, 0)),
        (("A", "B"), {"A": 0.5, " A": 0.25}, (0.75, 0)),
        (("A", "B", "tie"), {"t": 0.5, "A": 0.25}, (0.25, 0, 0.5)),
        (("yes", "yet"), {"ye": 0.9}, (0, 0)),
        (("1", "10"), {"1": 0.5, "10": 0.25}, (0.5, 0.25)),
        (("A", "B"), {" ": 0.5, "": 0.25}, (0, 0)),
        (("A", "B"), {"Actually": 0.9}, (0, 0)),
    ],
)
def test_a_token_counts_for_the_option_it_equals_or_alone_begins(options, shares, expected):
    """Probability that cannot be told apart is given to nobody."""
    found = option_probabilities(options, _tokens(**shares))

    assert found == pytest.approx(expected)
    assert sum(found) <= sum(shares.values()) + 1e-9


def test_one_and_ten_are_told_apart_where_the_tokenizer_does():
    """A tokenizer that writes 10 in one token means 1 by 1; one that spells digits does not say."""
    one_token_each = option_probabilities(GRADES, _tokens(**{"1": 0.5, "10": 0.25, "7": 0.2}))
    digit_by_digit = option_probabilities(GRADES, _tokens(**{"1": 0.5, "7": 0.2}))

    assert one_token_each == pytest.approx((0.5, 0, 0, 0, 0, 0, 0.2, 0, 0, 0.25))
    assert digit_by_digit == pytest.approx((0, 0, 0, 0, 0, 0, 0.2, 0, 0, 0))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12),
        ({"retry-after": "3600"}, 60),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_a_wait_is_believed_up_to_a_minute_and_nonsense_is_ignored(headers, seconds):
    """No server can make a run sleep for an hour."""
    assert retry_after_s(headers) == seconds


def test_a_wait_may_be_a_date():
    """HTTP allows both forms."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    assert 25 < retry_after_s({"retry-after": soon}) <= 30


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "Too fast", "code": "rate"}}', "Too fast (rate)"),
        (b'{"error": {"message": "Too fast", "code": 429}}', "Too fast"),
        (b'{"error": "model not found"}', "model not found"),
        (b'{"object": "error", "message": "no such model"}', "no such model"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b"<html>\n  <b>Bad\n gateway</b>", "<html> <b>Bad gateway</b>"),
        (b"\xff broken", "\N{REPLACEMENT CHARACTER} broken"),
        (b"", ""),
    ],
)
def test_the_servers_words_are_found_in_every_common_shape(body, expected):
    """Servers agree on the status code and on nothing else."""
    assert summarize_error_reply(body, KEY) == expected


def test_the_servers_words_are_short_and_the_key_is_gone_even_at_the_cut():
    """A key that is cut in two would no longer be recognized."""
    said = summarize_error_reply(b"x" * 295 + KEY.encode() + b"y" * 500, KEY)

    assert len(said) <= 303
    assert KEY[:8] not in said


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (408, "", TransientError),
        (409, "", TransientError),
        (429, "slow down", TransientError),
        (503, "loading", TransientError),
        (429, "no money (insufficient_quota)", PermanentError),
        (400, "bad temperature", PermanentError),
        (422, "no such field", PermanentError),
        (302, "", PermanentError),
        (400, "This model's maximum context length is 4096 tokens", ContextLengthError),
        (400, "the request exceeds the available context size", ContextLengthError),
        (413, "Prompt is too long", ContextLengthError),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096", ContextLengthError),
    ],
)
def test_a_status_is_worth_repeating_or_is_not(status, said, kind):
    """The kinds of error decide what a run repeats, reports, and stops at."""
    error = make_http_error(status, {}, said)

    assert type(error) is kind
    assert said in str(error)
