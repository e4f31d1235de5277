"""The counts of tokens in a reply, in every form that servers send."""

from __future__ import annotations

import pytest

from evalharness.backends.openai.replies.usage import ReplyUsage, read_usage


@pytest.mark.parametrize("count", [10, 10.0, "10", "10.0"])
def test_a_count_is_read_however_it_is_written(count):
    """A completion that was paid for is not thrown away for the form of a number."""
    assert read_usage({"prompt_tokens": count, "completion_tokens": count}) == ReplyUsage(
        prompt_tokens=10, completion_tokens=10
    )


@pytest.mark.parametrize("count", [None, "many", -1, float("nan"), True, [10], {}])
def test_what_is_no_count_is_not_known(count):
    """It is not taken for 0, which would make a call free."""
    assert read_usage({"prompt_tokens": count}).prompt_tokens is None


@pytest.mark.parametrize("usage", [None, [], "none", {}, {"prompt_tokens_details": []}])
def test_a_reply_may_have_no_counts(usage):
    """Some servers send none."""
    assert read_usage(usage) == ReplyUsage()


@pytest.mark.parametrize(
    ("usage", "cached", "reasoning"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 4}}, 4, None),
        ({"prompt_cache_hit_tokens": 4}, 4, None),
        ({"completion_tokens_details": {"reasoning_tokens": 7}}, None, 7),
        ({"input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": None}, 4, None),
    ],
)
def test_parts_of_the_counts_are_read_from_each_servers_fields(usage, cached, reasoning):
    """They have prices of their own."""
    found = read_usage(usage)

    assert (found.cached_tokens, found.reasoning_tokens) == (cached, reasoning)


@pytest.mark.parametrize(
    ("usage", "completion", "reasoning"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14}, 9, None),
        ({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 14}, 9, 7),  # Google
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "total_tokens": 14,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            9,
            7,
        ),  # xAI
    ],
)
def test_a_thought_that_only_the_total_counts_is_part_of_what_was_generated(
    usage, completion, reasoning
):
    """It is paid for at the price of generated tokens."""
    found = read_usage(usage)

    assert (found.completion_tokens, found.reasoning_tokens) == (completion, reasoning)
