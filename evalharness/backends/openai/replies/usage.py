"""Read the counts of tokens in a reply, in the forms that servers send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_READ_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_WRITTEN_DETAILS = ("completion_tokens_details", "output_tokens_details")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyUsage:
    """The tokens of a call; None where the server did not count.

    Attributes:
        prompt_tokens: the tokens that the model read.
        completion_tokens: the tokens that it generated, thoughts included.
        cached_tokens: the part of `prompt_tokens` that the server had cached.
        reasoning_tokens: the part of `completion_tokens` that the thought took.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


def read_usage(usage: Any) -> ReplyUsage:
    """Return the counts in the `usage` of a reply; what is no count is None.

    Some servers (xAI, Google) count a thought in the total and not in `completion_tokens`. It was
    generated and is paid for, so it is added there.
    """
    if not isinstance(usage, dict):
        return ReplyUsage()
    prompt = _find_count(usage, "prompt_tokens", "input_tokens")
    completion = _find_count(usage, "completion_tokens", "output_tokens")
    cached = _find_part(usage, _READ_DETAILS, "cached_tokens", "prompt_cache_hit_tokens")
    reasoning = _find_part(usage, _WRITTEN_DETAILS, "reasoning_tokens")
    total = _find_count(usage, "total_tokens")
    if prompt is not None and completion is not None and total is not None:
        uncounted = total - prompt - completion
        if uncounted > 0 and reasoning in (None, 0, uncounted):
            completion, reasoning = completion + uncounted, uncounted
    return ReplyUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=_drop_larger(cached, prompt),
        reasoning_tokens=_drop_larger(reasoning, completion),
    )


def _drop_larger(part: int | None, whole: int | None) -> int | None:
    """Return a part of a count; one that is larger than the whole is no part of it."""
    return None if part is not None and whole is not None and part > whole else part


def _find_part(usage: dict[str, Any], details: tuple[str, ...], *names: str) -> int | None:
    """Return a part of a count, from the details where a server sends them."""
    for name in details:
        if isinstance(inner := usage.get(name), dict):
            found = _find_count(inner, *names)
            if found is not None:
                return found
    return _find_count(usage, *names)


def _find_count(usage: dict[str, Any], *names: str) -> int | None:
    """Return the first of these fields that is a count; it may be written as 10, 10.0 or "10"."""
    for name in names:
        value = usage.get(name)
        if type(value) is int and value >= 0:
            return value
        if isinstance(value, bool) or not isinstance(value, (float, str)):
            continue
        try:
            number = float(value)
        except ValueError:
            continue
        if number.is_integer() and number >= 0:  # neither infinite nor a fraction
            return int(number)
    return None
