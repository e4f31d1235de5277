"""Tell from a finish reason whether a reply is complete; servers use many words."""

from __future__ import annotations

_COMPLETE = frozenset(
    {"stop", "end_turn", "eos", "eos_token", "stop_sequence", "completed"}
    | {"tool_calls", "function_call"}
)
_REFUSALS = frozenset({"refusal", "content_filter", "safety", "prohibited_content", "blocklist"})


def is_complete_reason(finish_reason: str | None) -> bool:
    """Return whether a reply ended where the model ended it; an unknown reason counts as a cut.

    Args:
        finish_reason: the server's word; None means that it gave none, which counts as complete.
    """
    return finish_reason is None or finish_reason.casefold() in _COMPLETE


def is_refusal_reason(finish_reason: str | None) -> bool:
    """Return whether the model or a filter of its server refused to answer.

    Args:
        finish_reason: the server's word, or None.
    """
    return finish_reason is not None and finish_reason.casefold() in _REFUSALS
