"""Read the text and the thought in the message of a reply, in the forms that servers send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_THOUGHT_TYPES = ("thinking", "reasoning", "thought", "summary")
_REFUSAL = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyMessage:
    """The parts of a message.

    Attributes:
        text: the reply; the words of a refusal where there is nothing else.
        reasoning: the thought that the server sent apart from it, or None.
        is_refusal: whether `text` holds the words of a refusal.
    """

    text: str
    reasoning: str | None = None
    is_refusal: bool = False


def read_message(message: Mapping[str, Any]) -> ReplyMessage:
    """Return the text and the thought in a message of a chat endpoint.

    The content is a text, null, or a list of parts, some of which may be thoughts (Mistral). A
    thought may also stand in a field (`reasoning_content`, `reasoning`) or in a list
    (`reasoning_details`, OpenRouter). A refusal has a field of its own.
    """
    content, reasoning = message.get("content"), _find_reasoning(message)
    if isinstance(content, str) and content and not reasoning:  # the usual form
        return ReplyMessage(text=content)
    parts = tuple(_iterate_parts(content, in_thought=False))
    text = "".join(words for words, in_thought in parts if not in_thought)
    reasoning = reasoning or _join(words for words, in_thought in parts if in_thought)
    refusal = message.get(_REFUSAL) or "".join(_iterate_refusals(content))
    if not text and isinstance(refusal, str) and refusal:
        return ReplyMessage(text=refusal, reasoning=reasoning, is_refusal=True)
    # Servers that cut the thought out leave the white space after it.
    return ReplyMessage(text=text.lstrip() if reasoning else text, reasoning=reasoning)


def _find_reasoning(message: Mapping[str, Any]) -> str | None:
    """Return the thought in the first field that has one."""
    for name in _REASONING_FIELDS:
        if isinstance(told := message.get(name), str) and told.strip():
            return told.strip()
    details = message.get("reasoning_details")
    if not details:
        return None
    return _join(words for words, _ in _iterate_parts(details, in_thought=True))


def _iterate_parts(content: Any, *, in_thought: bool) -> Iterator[tuple[str, bool]]:
    """Yield the texts in a content, each with whether it is part of a thought."""
    if isinstance(content, str):
        yield content, in_thought
    elif isinstance(content, list):
        for part in content:
            yield from _iterate_parts(part, in_thought=in_thought)
    elif isinstance(content, dict):
        kind = str(content.get("type", "text"))
        in_thought = in_thought or kind.startswith(_THOUGHT_TYPES)
        inner = next(
            (content[name] for name in ("text", kind, "summary") if content.get(name)), None
        )
        if kind != _REFUSAL:
            yield from _iterate_parts(inner, in_thought=in_thought)


def _iterate_refusals(content: Any) -> Iterator[str]:
    """Yield the words of the parts of a content that are refusals."""
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get(_REFUSAL), str):
            yield part[_REFUSAL]


def _join(texts: Iterable[str]) -> str | None:
    return "".join(texts).strip() or None
