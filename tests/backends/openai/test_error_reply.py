"""What the client reads out of probabilities, waits and failures, without any server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from endpoint_model import KEY

from evalharness.backends.openai.error_reply import (
    make_http_error,
    retry_after_s,
    summarize_error_reply,
)
from evalharness.errors import ContextLengthError, PermanentError, TransientError


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
        (b'\xef\xbb\xbf{"error": {"message": "Too fast"}}', "Too fast"),
        (
            b'[{"error": {"code": 400, "message": "Unknown name seed", "status": "X"}}]',
            "Unknown name seed",
        ),
        (b'{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs"}]}', "seed: Extra inputs"),
        (
            b'{"message": {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs"}]}}',
            "seed: Extra inputs",
        ),
        (
            b'{"detail": [{"loc": ["body", "a", "type"], "msg": "Wrong"}, {"msg": "Bad"}]}',
            "a.type: Wrong; Bad",
        ),
        (
            b'{"error": {"message": "Failed", "metadata": {"raw": "{\\"message\\": \\"Long\\"}"}}}',
            "Failed; Long",
        ),
        (
            b'{"error": {"message": "Pay", "type": "insufficient_quota"}}',
            "Pay (insufficient_quota)",
        ),
        (b'{"error": {"message": "Too fast", "type": "requests", "code": null}}', "Too fast"),
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
        (404, "no model with a context length of 4096", PermanentError),
        (429, "the context window is busy", TransientError),
    ],
)
def test_a_status_is_worth_repeating_or_is_not(status, said, kind):
    """The kinds of error decide what a run repeats, reports, and stops at."""
    error = make_http_error(status, {}, said)

    assert type(error) is kind
    assert said in str(error)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "This model's maximum context length is 4096 tokens"),  # OpenAI, DeepSeek, Together
        (400, "Input tokens exceed the configured limit of 272000 tokens"),
        (400, "too long (context_length_exceeded)"),
        (400, "prompt is too long: 213462 tokens > 200000 maximum"),  # Anthropic
        (400, "input length and `max_tokens` exceed context limit: 198000 + 21333 > 200000"),
        (400, "The input token count (1196265) exceeds the maximum number of tokens allowed"),
        (400, "Prompt contains 40000 tokens, too large for model with 32768 maximum"),  # Mistral
        (400, "The decoder prompt is longer than the maximum model length of 2048"),  # vLLM
        (400, "The input (9000 tokens) is longer than the model's context length (8192 tokens)"),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096"),  # TGI
        (422, "inputs tokens + max_new_tokens must be <= 4096"),
        (500, "the prompt of 9000 tokens exceeds n_ctx 4096"),
        (422, "`inputs` must have less than 1024 tokens. Given: 2000"),
        (400, "the request exceeds the available context size, try increasing it"),  # llama.cpp
        (500, "the request exceeds the available context size"),
        (500, "input is too large to process. increase the physical batch size"),
        (500, "the input length exceeds the context length"),  # Ollama
        (400, "prompt too long; exceeded max context length by 5 tokens"),
        (
            400,
            "The number of tokens to keep from the initial prompt is greater than the context length",
        ),
        (
            502,
            "The model is loaded with context length of only 4096 tokens, which is not enough",
        ),  # LM Studio
        (400, "Please reduce the length of the messages or completion."),  # Groq
        (413, "Prompt is too long"),
        (
            413,
            "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000",
        ),
        (
            429,
            "Request too large for gpt-6-luna on tokens per min (TPM): Limit 30000, Requested 45000",
        ),
        (
            400,
            "This model's maximum prompt length is 131072 but the request contains 200000",
        ),  # xAI
        (400, "Your request exceeded model token limit: 8192"),  # Moonshot
        (400, "Range of input length should be [1, 30720]"),  # Qwen
        (400, "Prompt exceeds max length"),  # GLM
        (400, "Input is too long for requested model."),  # Bedrock
    ],
)
def test_a_conversation_that_is_too_long_is_one_questions_failure_in_any_servers_words(
    status, said
):
    """It says nothing about other questions, so it is neither repeated nor counted against a model."""
    assert type(make_http_error(status, {}, said)) is ContextLengthError


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "You exceeded your current quota (insufficient_quota)"),
        (429, "Billing hard limit has been reached (billing_hard_limit_reached)"),
        (429, "Billing hard limit has been reached"),
        (429, "You exceeded your current quota, please check your plan and billing details."),
        (402, "Insufficient Balance"),
        (402, "This request requires more credits, or fewer max_tokens"),
        (402, ""),
        (403, "Your account has insufficient credits"),
        (400, "Your credit balance is too low to access the Anthropic API"),
        (403, "Your team has used all available credits or reached its monthly spending limit"),
        (429, "Your account is not active, please check your billing details"),
    ],
)
def test_an_empty_account_is_told_from_a_server_that_is_busy(status, said):
    """Waiting fills no account, so the call fails at once with the server's words."""
    error = make_http_error(status, {}, said)

    assert type(error) is PermanentError
    assert error.reason == "insufficient_quota"
    assert said in str(error)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "You exceeded your current quota, check your plan and billing. Please retry in 32.7s"),
        ({"retry-after": "30"}, "You exceeded your current quota, check your plan and billing"),
        ({}, "Rate limit reached for requests per minute. Please try again in 20s"),
        ({}, "Rate limit reached"),
    ],
)
def test_a_quota_by_the_minute_is_waited_for(headers, said):
    """Google uses the same words for a limit by the minute, and says when to ask again."""
    assert type(make_http_error(429, headers, said)) is TransientError


def test_a_refused_content_is_one_questions_failure():
    """A filter that refuses one prompt says nothing about the others."""
    said = "The response was filtered due to the prompt triggering content management policy"

    assert make_http_error(400, {}, said).reason == "content_filter"
