"""Decode the tokens of a reply: the thought before it, and the reply itself.

The marks of a thought may be special tokens, which decoded text omits, so thoughts are looked for in
the text with special tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalharness.domain import opens_reasoning, split_reasoning

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAST_PROMPT_TOKENS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedReply:
    """A reply as text.

    Attributes:
        text: the reply without its thought and without special tokens.
        reasoning: the thought, or None.
        reasoning_tokens: the number of tokens before the reply, which the thought and its marks
            took; 0 for an empty thought, None without one.
        is_open: whether the tokens end inside the thought.
    """

    text: str
    reasoning: str | None = None
    reasoning_tokens: int | None = None
    is_open: bool = False

    def cut_at(self, stops: Sequence[str]) -> DecodedReply | None:
        """Return the reply before the first stop text; None without one."""
        ends = [end for stop in stops if (end := self.text.find(stop)) >= 0]
        return replace(self, text=self.text[: min(ends)]) if ends else None


def prompt_opens_reasoning(tokenizer: Any, prompt: Sequence[int]) -> bool:
    """Return whether the tokens of a prompt end with the mark that opens a thought."""
    return opens_reasoning(_decode(tokenizer, prompt[-_LAST_PROMPT_TOKENS:], keep_special=True))


def decode_reply(tokenizer: Any, tokens: Sequence[int], *, opened: bool) -> DecodedReply:
    """Return the text of a reply and the thought before it.

    Args:
        tokenizer: the tokenizer of the model.
        tokens: the tokens of the reply.
        opened: whether the prompt opened the thought.
    """
    marked = _decode(tokenizer, tokens, keep_special=True)
    split = split_reasoning(marked, opened=opened)
    reasoning = split.reasoning and _remove_special_tokens(tokenizer, split.reasoning)
    if split.is_open:
        return DecodedReply(
            text="", reasoning=reasoning, reasoning_tokens=len(tokens), is_open=True
        )
    if split.text == marked:
        return DecodedReply(text=_decode(tokenizer, tokens))
    thought = _count_tokens_before(tokenizer, tokens, split.start)
    rest = _decode(tokenizer, tokens[thought:], keep_special=True).lstrip()
    is_exact = rest.startswith(split.text) and not _remove_special_tokens(
        tokenizer, rest.removeprefix(split.text)
    )
    return DecodedReply(
        # A token may reach over the boundary, or the reply may have several parts.
        text=_decode(tokenizer, tokens[thought:])
        if is_exact
        else _remove_special_tokens(tokenizer, split.text),
        reasoning=reasoning,
        reasoning_tokens=thought if split.reasoning else 0,
    )


def _count_tokens_before(tokenizer: Any, tokens: Sequence[int], start: int) -> int:
    """Return the number of tokens whose text ends at or before a position of the whole text."""
    low, high = 0, len(tokens)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_decode(tokenizer, tokens[:middle], keep_special=True)) <= start:
            low = middle
        else:
            high = middle - 1
    return low


def _remove_special_tokens(tokenizer: Any, text: str) -> str:
    for special in tokenizer.all_special_tokens:
        text = text.replace(special, "")
    return text


def _decode(tokenizer: Any, tokens: Sequence[int], *, keep_special: bool = False) -> str:
    text: str = tokenizer.decode(
        list(tokens), skip_special_tokens=not keep_special, clean_up_tokenization_spaces=False
    )
    return text
