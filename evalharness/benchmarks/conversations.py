"""Convert conversations between lm-eval's forms (dicts, or one text) and our messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalharness.domain import Message, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def convert_history(
    history: Sequence[Mapping[str, str]], *, reply_follows: bool
) -> tuple[tuple[Message, ...], str]:
    """Return lm-eval's conversation as messages, and the prefix of the reply.

    Args:
        history: lm-eval's messages.
        reply_follows: whether the model writes the next message. If it does not, the last message
            is the prefix with which the reply must begin.
    """
    messages = tuple(Message(role=Role(each["role"]), content=each["content"]) for each in history)
    if reply_follows or not messages:
        return messages, ""
    return messages[:-1], messages[-1].content


def encode_conversation(messages: Sequence[Message], reply_prefix: str) -> str:
    """Return a conversation as one text, because lm-eval passes prompts as text."""
    return json.dumps([*([each.role, each.content] for each in messages), reply_prefix])


def decode_conversation(text: str) -> tuple[tuple[Message, ...], str]:
    """Return the conversation that `encode_conversation` encoded."""
    *messages, reply_prefix = json.loads(text)
    return tuple(
        Message(role=Role(role), content=content) for role, content in messages
    ), reply_prefix
