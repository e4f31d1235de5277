"""Separate the thought that a reasoning model writes before its reply from the reply.

A thought stands between marks, or in channels of its own. It counts as one only where the reply
begins with it or where the prompt opened it: marks inside a reply are text like any other.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningSplit:
    """A reply in two parts.

    Attributes:
        text: the reply without the thought.
        reasoning: the thought without its marks, or None if there is none.
        is_open: whether the reply ended before the thought did, so that `text` is empty.
        start: the position in the original text where `text` begins.
    """

    text: str
    reasoning: str | None = None
    is_open: bool = False
    start: int = 0


def split_reasoning(text: str, *, opened: bool | None = None) -> ReasoningSplit:
    """Return the thought at the beginning of a reply, and the rest.

    Args:
        text: the reply, with the special tokens that delimit its channels.
        opened: whether the prompt ended with the mark that opens a thought. None means that the
            prompt is unknown: a closing mark without an opening one then ends a thought if it is
            set off as models set it off, and not quoted or part of a sentence.
    """
    if not opened and not _ANY_MARK.search(text):
        return ReasoningSplit(text=text)
    if _HARMONY_START.match(text):
        return _split_channels(text)
    if opened and _HARMONY_NEXT.search(text):
        return _split_channels(text, first="analysis")
    return _split_marks(text, opened=opened)


def opens_reasoning(prompt: str) -> bool:
    """Return whether a rendered prompt ends inside a thought, so that the reply continues it.

    Args:
        prompt: the text before the reply.
    """
    return bool(_PROMPT_END.search(prompt[-_LONGEST_MARK:].rstrip()))


_LONGEST_MARK = 80

# The opening and the closing mark of each kind. `<|channel>` and `<channel|>` are Gemma's, the
# marks of several tokens Kimi's, the longer ones Cohere's.
_KINDS = (
    (r"<think>", r"</think>"),
    (r"<thinking>", r"</thinking>"),
    (r"<thought>", r"</thought>"),
    (r"<(?:seed|mm):think>", r"</(?:seed|mm):think>"),
    (r"◁think▷", r"◁/think▷"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"<\|channel>thought", r"<channel\|>"),
    (r"<\|open\|>think<\|sep\|>", r"<\|close\|>think<\|sep\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
)
# What may enclose the reply itself, after the thought.
_REPLY_START = re.compile(r"\s*(?:<\|open\|>response<\|sep\|>|<\|START_(?:RESPONSE|TEXT)\|>)?\s*")
_REPLY_END = re.compile(
    r"(?:<\|close\|>response<\|sep\|>|<\|END_(?:RESPONSE|TEXT)\|>)(?:<\|end_of_msg\|>)?\s*\Z"
)

# Most texts hold none of the marks, and are not searched for each of them.
_ANY_MARK = re.compile(
    "|".join([*(mark for kind in _KINDS for mark in kind), r"<\|channel\|>"]), re.IGNORECASE
)

_QUOTES = "`'\""
_OPENINGS = [re.compile(rf"\s*{opening}", re.IGNORECASE) for opening, _ in _KINDS]
_INNER_OPENINGS = [re.compile(opening, re.IGNORECASE) for opening, _ in _KINDS]
_CLOSINGS = [re.compile(closing, re.IGNORECASE) for _, closing in _KINDS]
_SET_OFF_END = re.compile(r"\s*?\n|\s*\Z|[\w\[*#|<$]")

_CHANNEL = r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
_HARMONY_START = re.compile(rf"\s*(?:<\|start\|>assistant[^<]*)?{_CHANNEL}")
_HARMONY_NEXT = re.compile(rf"<\|(?:end|call)\|>\s*<\|start\|>assistant[^<]*{_CHANNEL}")
_HARMONY_MESSAGE = re.compile(rf"(?:<\|start\|>assistant[^<]*)?{_CHANNEL}")
_HARMONY_END = re.compile(r"<\|(?:end|return|call)\|>")

_PROMPT_END = re.compile(
    rf"(?:{'|'.join(opening for opening, _ in _KINDS)}|<\|channel\|>analysis<\|message\|>)\Z",
    re.IGNORECASE,
)


def _split_marks(text: str, *, opened: bool | None) -> ReasoningSplit:
    thoughts: list[str] = []
    position = 0
    while (found := _match_opening(text, position)) is not None:
        kind, begin = found
        end = _find_end(text, begin, kind)
        if end is None:
            return _open_thought(text, [*thoughts, text[begin:]])
        thoughts.append(text[begin : end.start()])
        position = end.end()
    if not position and opened is not False:
        end = _find_lone_end(text, opened=bool(opened))
        if end is not None:
            thoughts.append(text[: end.start()])
            position = end.end()
        elif opened:
            return _open_thought(text, [text])
    if not position:
        return ReasoningSplit(text=text)
    return _close_thought(text, thoughts, position)


def _match_opening(text: str, position: int) -> tuple[int, int] | None:
    """Return the kind of the thought that begins here, and where its first character is."""
    for kind, opening in enumerate(_OPENINGS):
        if match := opening.match(text, position):
            return kind, match.end()
    return None


def _find_end(text: str, begin: int, kind: int) -> re.Match[str] | None:
    """Return the mark that closes a thought: its first, or a later one if the thought is nested."""
    end = next(_find_marks(_CLOSINGS[kind], text, begin), None)
    if end is None:
        return None
    openings = _INNER_OPENINGS[kind]
    nested = sum(1 for _ in _find_marks(openings, text, begin, end.start()))
    if not nested:
        return end
    next_opening = next(_find_marks(openings, text, end.end()), None)
    limit = len(text) if next_opening is None else next_opening.start()
    for later in islice(_find_set_off_ends(text, end.end(), kind, limit), nested):
        end = later
    return end


def _find_lone_end(text: str, *, opened: bool) -> re.Match[str] | None:
    """Return the first closing mark of a thought that has no opening mark in the text."""
    ends = [
        end
        for kind, closing in enumerate(_CLOSINGS)
        for end in islice(
            _find_marks(closing, text, 0) if opened else _find_set_off_ends(text, 0, kind), 1
        )
        if opened or _is_lone(text[: end.start()], kind)
    ]
    return min(ends, key=lambda end: end.start(), default=None)


def _find_marks(
    mark: re.Pattern[str], text: str, begin: int, limit: int = sys.maxsize
) -> Iterator[re.Match[str]]:
    """Yield the marks that are not between quotes or backticks, which only mention them."""
    for found in mark.finditer(text, begin, limit):
        around = (text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1])
        if not all(each and each in _QUOTES for each in around):
            yield found


def _find_set_off_ends(
    text: str, begin: int, kind: int, limit: int = sys.maxsize
) -> Iterator[re.Match[str]]:
    """Yield the closing marks that stand as models write them.

    They stand on a line of their own, or without a space before them and after them.
    """
    for end in _find_marks(_CLOSINGS[kind], text, begin, limit):
        before = text[end.start() - 1 : end.start()] if end.start() else "\n"
        if (before == "\n" or not before.isspace()) and _SET_OFF_END.match(text, end.end()):
            yield end


def _is_lone(before: str, kind: int) -> bool:
    """Whether no mark opened what is closed here, and no code block is open."""
    return _INNER_OPENINGS[kind].search(before) is None and before.count("```") % 2 == 0


def _split_channels(text: str, first: str | None = None) -> ReasoningSplit:
    """Return the final channel as the reply, and all others as the thought (OpenAI's harmony)."""
    marks = list(_HARMONY_MESSAGE.finditer(text))
    parts = [] if first is None else [(first, 0, marks[0].start())]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts += [(mark[1], mark.end(), end) for mark, end in zip(marks, ends, strict=True)]
    thoughts: list[tuple[int, int]] = []
    replies: list[tuple[int, int]] = []
    for channel, begin, end in parts:
        closed = _HARMONY_END.search(text, begin, end)
        span = (begin, end if closed is None else closed.start())
        (replies if channel == "final" else thoughts).append(span)
    if not replies:
        return _open_thought(text, [text[begin:end] for begin, end in thoughts])
    return ReasoningSplit(
        text="".join(text[begin:end] for begin, end in replies),
        reasoning=_join_thoughts([text[begin:end] for begin, end in thoughts]),
        start=replies[0][0],
    )


def _open_thought(text: str, thoughts: list[str]) -> ReasoningSplit:
    return ReasoningSplit(
        text="", reasoning=_join_thoughts(thoughts), is_open=True, start=len(text)
    )


def _close_thought(text: str, thoughts: list[str], position: int) -> ReasoningSplit:
    start = match.end() if (match := _REPLY_START.match(text, position)) else position
    end = match.start() if (match := _REPLY_END.search(text, start)) else len(text)
    return ReasoningSplit(text=text[start:end], reasoning=_join_thoughts(thoughts), start=start)


def _join_thoughts(thoughts: list[str]) -> str | None:
    return "\n\n".join(thought.strip() for thought in thoughts if thought.strip()) or None
