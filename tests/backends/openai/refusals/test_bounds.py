"""The largest number that a refusal allows: never the lower end of a range, nor part of a name."""

from __future__ import annotations

import pytest

from evalharness.backends.openai.refusals.bounds import find_bound


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("Range of max_tokens should be [1,8192]", 8192),
        ("max_tokens must be in [1, 8193)", 8192),
        ("max_tokens must be between 1 and 8000", 8000),
        ("max_tokens must be between 1 and 8,000.", 8000),
        ("max_tokens must be in range 1 - 8192", 8192),
        ("max_tokens: 1..8192", 8192),
        ("1 <= max_tokens <= 8192", 8192),
        ("the supported range is from 1 (inclusive) to 8193 (exclusive)", 8192),
        ("the supported range is from 1 (inclusive) to 8192 (inclusive)", 8192),
        ("max_tokens参数非法:取值范围[1,4095]", 4095),
        ("max_tokens must be in [1,512]", 512),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value", 8192),
        ('must be less than or equal to "8192"', 8192),
        ("at most 8,192 tokens", 8192),
        ("at most 8_192 tokens", 8192),
        ("must be less than 8193", 8192),
        ("must be < 8193", 8192),
        ("max_tokens: 16384 > 8192, which is the maximum allowed for claude-3-5-sonnet", 8192),
        ("16384 is greater than 8192", 8192),
        ("must not be greater than 8192", 8192),
        ("may be no more than 8192", 8192),
        ("exceeds the model limit of 8192", 8192),
        ("16384 exceeds 8192", 8192),
        ("max_tokens is too large for model gpt-4-32, maximum: 8,192 tokens", 8192),
        ("Requests with max_tokens > 5000 must have stream=true", 5000),
        ("must be 8192 or fewer", 8192),
        ("16384 was sent; 8192 tokens max", 8192),
        ("supports only 8192 output tokens", 8192),
        ("supported values are 1 to 8192", 8192),
        ("max_tokens不能超过8192", 8192),
        ("minimum: 1, maximum: 8192", 8192),
        ("0 < max_tokens < 8193", 8192),
        ("max_tokens 16384 is above the maximum", None),
        ("must be at least 2048 when thinking", None),
        ("must be greater than 1024", None),
        ("must be greater than or equal to 1024", None),
        ("must be > 1024", None),
        ("must be >= 1024", None),
        ("must be between 1 and 32768", None),
        ("must be in [1, 8]", None),
        ("<400> max_tokens is not supported by model-512 of limit-4096 v1.4096", None),
        ("minimum 100", None),
    ],
)
def test_the_upper_end_is_read_or_nothing(text, bound):
    """A bound that is too low would cut every reply without a word."""
    assert find_bound(text, 16384, 16) == bound


def test_a_few_probabilities_may_be_few():
    """Servers give the probabilities of as few as one token."""
    said = "Requested sample logprobs of 20, which is greater than max allowed: 5"

    assert find_bound(said, 20, 1) == 5
    assert find_bound("top_logprobs must be in the range [0, 8], got 20", 20, 1) == 8
