"""Limits of a reply's form: how deep it may be nested, and how many tokens it may count.

`replies/body.py` limits its bytes. The settings are `max_reply_mb`, `max_batch_mb`, `max_reply_nesting` and
`max_reply_tokens` of a model.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from evalharness.domain import Completion

MAX_REPLY_MB = 32.0
MAX_BATCH_MB = 1024.0
MAX_REPLY_NESTING = 100
MAX_REPLY_TOKENS = 10_000_000
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_OPENING, _CLOSING = b"[{", b"]}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_OPENING + _CLOSING))
_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")


def refuse_deep_nesting(content: bytes, most: int) -> None:
    """Refuse JSON that is nested deeper than a limit, before anything reads it.

    Args:
        content: the reply.
        most: the most brackets that may be open at one place.

    Raises:
        msgspec.ValidationError: with the limit.
    """
    if has_deep_nesting(content, most):
        msg = f"it is nested deeper than max_reply_nesting={most}"
        raise msgspec.ValidationError(msg)


def decode_reply(content: bytes) -> Any:
    """Return JSON whose form nobody knows before, such as a refusal.

    Raises:
        msgspec.DecodeError: it is no JSON, or nested deeper than replies may be.
        UnicodeDecodeError: it is not UTF-8.
    """
    refuse_deep_nesting(content, MAX_REPLY_NESTING)
    return msgspec.json.decode(content)


def has_deep_nesting(content: bytes, most: int = MAX_REPLY_NESTING) -> bool:
    """Whether more brackets than this are open at one place outside of texts."""
    if _count_opening(content) <= most:
        return False  # the usual case, at no cost
    brackets = _TEXT.sub(b"", content).translate(None, _NOT_BRACKETS)
    if _count_opening(brackets) <= most:
        return False
    import numpy as np

    steps = np.where(np.isin(np.frombuffer(brackets, np.uint8), tuple(_OPENING)), 1, -1)
    return bool(np.cumsum(steps, dtype=np.int64).max() > most)


def _count_opening(content: bytes) -> int:
    return content.count(b"[") + content.count(b"{")


def drop_absurd_counts(completion: Completion, most: int) -> Completion:
    """Return the completion without counts of tokens that no call can have: they are not known.

    Args:
        completion: a completion.
        most: the largest count that is believed.
    """
    counts = {name: getattr(completion, name) for name in _COUNTS}
    absurd: dict[str, Any] = {
        name: None for name, count in counts.items() if count is not None and count > most
    }
    return replace(completion, **absurd) if absurd else completion
