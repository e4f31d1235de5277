"""The text and the thought in a message, in every form that servers send."""

from __future__ import annotations

import pytest

from evalharness.backends.openai.replies.message import read_message

THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "Six times seven."}]}


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "42"}, "42", None),
        ({"content": None}, "", None),
        ({}, "", None),
        ({"content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]}, "42", None),
        ({"content": ["4", "2"]}, "42", None),
        ({"content": [{"type": "output_text", "text": "42"}]}, "42", None),
        ({"content": [THOUGHT, {"type": "text", "text": "42"}]}, "42", "Six times seven."),
        ({"content": [{"type": "thinking", "thinking": "Six."}]}, "", "Six."),
        ({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "", None),
        ({"content": "42", "reasoning_content": "Six."}, "42", "Six."),
        ({"content": "42", "reasoning": "Six."}, "42", "Six."),
        ({"content": "42", "reasoning": None, "reasoning_content": ""}, "42", None),
        ({"content": None, "reasoning_content": "Six times"}, "", "Six times"),
        (
            {"content": "42", "reasoning_details": [{"type": "reasoning.text", "text": "Six."}]},
            "42",
            "Six.",
        ),
        (
            {"content": "42", "reasoning_details": [{"type": "reasoning.summary", "summary": "S"}]},
            "42",
            "S",
        ),
        (
            {"content": "42", "reasoning_details": [{"type": "reasoning.encrypted", "data": "?"}]},
            "42",
            None,
        ),
        ({"content": "42", "reasoning": {"effort": "low"}}, "42", None),
    ],
)
def test_the_reply_and_the_thought_are_kept_apart(message, text, reasoning):
    """A judge sees the text only."""
    found = read_message(message)

    assert (found.text, found.reasoning, found.is_refusal) == (text, reasoning, False)


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "refusal": "I can't help."},
        {"content": "", "refusal": "I can't help."},
        {"content": [{"type": "refusal", "refusal": "I can't help."}]},
    ],
)
def test_a_refusal_has_its_words(message):
    """It is no empty answer."""
    found = read_message(message)

    assert (found.text, found.is_refusal) == ("I can't help.", True)


def test_a_text_beside_a_refusal_stays_the_reply():
    """Some servers send an empty or leftover field with every message."""
    assert read_message({"content": "42", "refusal": "no"}).text == "42"
