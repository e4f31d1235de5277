"""Conversations between lm-eval's form (dicts, or one text) and ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalharness.domain import Message, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def convert_history(
    history: Sequence[Mapping[str, str]], *, reply_follows: bool
) -> tuple[tuple[Message, ...], str]:
    """Return the messages, and the beginning of the reply where lm-eval has written one."""
    messages = tuple(Message(role=Role(each["role"]), content=each["content"]) for each in history)
    if reply_follows or not messages:
        return messages, ""
    return messages[:-1], messages[-1].content


def encode_conversation(messages: Sequence[Message], begun: str) -> str:
    """Return a conversation as one text, which is how lm-eval hands prompts around."""
    return json.dumps([*([each.role, each.content] for each in messages), begun])


def decode_conversation(text: str) -> tuple[tuple[Message, ...], str]:
    """Return what `as_text` was given."""
    *messages, begun = json.loads(text)
    return tuple(Message(role=Role(role), content=content) for role, content in messages), begun
