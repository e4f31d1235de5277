"""How deep a reply may be nested, and how many tokens it may count."""

from __future__ import annotations

import msgspec
import pytest

from evalharness.backends.openai.replies.limits import (
    decode_reply,
    drop_absurd_counts,
    has_deep_nesting,
    refuse_deep_nesting,
)
from evalharness.domain import Completion


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize(("depth", "is_deep"), [(5, False), (6, True), (100_000, True)])
def test_brackets_are_counted_where_they_are_open_together(opening, depth, is_deep):
    """A list inside a list goes deeper; one beside another does not."""
    closing = b"]" if opening == b"[" else b"}"
    nested = opening * depth + b"1" + closing * depth

    assert has_deep_nesting(nested, 5) == is_deep
    assert has_deep_nesting(opening * depth, 5) == is_deep  # it may break off
    assert not has_deep_nesting(b"[" + b"[[]]," * 1000 + b"[]]", 5)


@pytest.mark.parametrize(
    "text",
    [b'"[[[[[[["', rb'"\"[[[[[[["', rb'["\\", "[[[[[[["]', b'"[[[[[[[', b'["]]]]", [[[[]]]]]'],
)
def test_brackets_in_texts_do_not_count(text):
    """Verdicts are written with them: [[A]]."""
    assert not has_deep_nesting(text, 5)


def test_a_text_without_end_is_read_once():
    """A megabyte of opened texts takes no time that grows with its square."""
    assert not has_deep_nesting(b'"' + rb"\"[" * 400_000, 5)
    assert has_deep_nesting(b'"" [' * 250_000, 5)


def test_the_refusal_names_the_setting():
    """So the limit can be raised."""
    with pytest.raises(msgspec.ValidationError, match="max_reply_nesting=3"):
        refuse_deep_nesting(b"[[[[]]]]", 3)
    refuse_deep_nesting(b"[[[]]]", 3)
    with pytest.raises(msgspec.DecodeError, match="max_reply_nesting=100"):
        decode_reply(b"[" * 101 + b"]" * 101)


def test_a_count_above_the_limit_is_not_known():
    """It is not taken for a cost, nor for a reason to end the run."""
    told = Completion(text="4", prompt_tokens=11, completion_tokens=10, cached_tokens=10**400)

    kept = drop_absurd_counts(told, 10)

    assert (kept.prompt_tokens, kept.completion_tokens, kept.cached_tokens) == (None, 10, None)
    assert drop_absurd_counts(kept, 10) is kept
