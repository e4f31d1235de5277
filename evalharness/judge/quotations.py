"""Find quoted text in a judge's reply: code, block quotations, and text in quotation marks."""

# ruff: noqa: RUF001 - quotation marks of many languages

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class UnquotedText:
    """A text whose quoted parts are replaced by spaces, so that all positions stay the same.

    Attributes:
        text: the text; line breaks and the marks around quotations are kept.
        reliable_end: the position from which quoted and own text cannot be told apart, because
            the code fences do not pair up; the end of the text if they do.
    """

    text: str
    reliable_end: int


def mask_quotations(text: str, *, truncated: bool = False) -> UnquotedText:
    """Return a text without the contents of its quotations.

    Quotations are fenced blocks and code spans, lines that begin with `>`, and text in quotation
    marks or in the HTML elements for quotations and code.

    Args:
        text: the text of a reply.
        truncated: whether the text was cut, so that its last quotation may lack an end.
    """
    masked, reliable_end = _mask_fences(text, truncated=truncated)
    masked = _BLOCK_QUOTATION.sub(lambda match: " " * len(match[0]), masked)
    masked = _mask_spans(masked, _list_code_spans(masked))
    masked = _mask_spans(masked, _list_quotations(masked, truncated=truncated))
    return UnquotedText(text=masked, reliable_end=reliable_end)


def unwrap_quotation(text: str) -> str | None:
    """Return the content of a text that is one quotation as a whole, or None if it is none."""
    stripped = text.strip().strip("*_ ")
    lines = stripped.split("\n")
    if len(lines) > 1 and _FENCE.match(lines[0]):
        return "\n".join(lines[1:-1] if _FENCE.match(lines[-1]) else lines[1:])
    if all(line.lstrip().startswith(">") for line in lines if line.strip()):
        return "\n".join(line.lstrip().removeprefix(">") for line in lines)
    inner = stripped.strip(_WRAPPERS)
    return inner if len(inner) < len(stripped) else None


_FENCE = re.compile(r"^[^\S\n]*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_BLOCK_QUOTATION = re.compile(r"^[^\S\n]*(?:(?:[-*+]|\d{1,9}[.)])[^\S\n]+)?>[^\n]*$", re.MULTILINE)
_BACKTICKS = re.compile(r"`+")
_LINE_BREAK = re.compile(r"\n")
_NO_BREAK = re.compile(r"[^\n]")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")

# Scripts that put no space between words: a letter may stand directly before a quotation mark.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff"
_SPACED_LETTER = rf"[^\W_{_UNSPACED}]"
# A mark that opens a quotation follows no letter, and one that closes it precedes none; any other
# is an apostrophe or the sign of an inch.
_OPENING = re.compile(
    rf"(?<!{_SPACED_LETTER})(?:[\"＂“»](?!\Z)|['‘](?!\s|\Z))"
    r"|[„«‚‹「『]|<(?:blockquote|code|pre|q)>"
)
_CLOSING = re.compile(
    rf"(?<![ \t])[\"'＂“”»«’‘›](?!{_SPACED_LETTER})|[」』]|</(?:blockquote|code|pre|q)>"
)
_CLOSINGS = {
    '"': ('"',),
    "＂": ("＂",),
    "'": ("'",),
    "“": ("”",),
    "„": ("“", "”"),
    "«": ("»",),
    "»": ("«",),
    "‘": ("’",),
    "‚": ("‘", "’"),
    "‹": ("›",),
    "「": ("」",),
    "『": ("』",),
    **{f"<{name}>": (f"</{name}>",) for name in ("blockquote", "code", "pre", "q")},
}
_SINGLE_MARKS = frozenset("'‘‚")
_WRAPPERS = "`\"'＂“”„«»‘’‚‹›「」『』"


def _mask_fences(text: str, *, truncated: bool) -> tuple[str, int]:
    """Return the text without fenced blocks, and the position where its fences are unreliable."""
    spans: list[tuple[int, int]] = []
    first: int | None = None
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        information = fence[2].strip()
        if opening is None:
            if "`" not in information:  # otherwise a code span such as ```x```
                opening = fence
                first = fence.start() if first is None else first
        elif fence[1].startswith(opening[1]) and not information:
            spans.append((opening.start(), fence.end()))
            opening = None
    if opening is None or first is None:
        return _mask_spans(text, spans), len(text)
    if truncated:
        return _mask_spans(text, [(first, len(text))]), len(text)
    return _FENCE.sub(lambda match: " " * len(match[0]), text), first


def _list_code_spans(text: str) -> list[tuple[int, int]]:
    """Return the contents of code spans: between equal runs of backticks in one paragraph."""
    runs = [match.span() for match in _BACKTICKS.finditer(text)]
    starts_by_length: dict[int, list[int]] = {}
    for start, end in runs:
        starts_by_length.setdefault(end - start, []).append(start)
    breaks = [match.start() for match in _BLANK_LINE.finditer(text)]
    spans: list[tuple[int, int]] = []
    position = 0
    for start, end in runs:
        closing = _find_next(starts_by_length[end - start], end)
        if start < position or closing is None or _count(breaks, start) != _count(breaks, closing):
            continue
        spans.append((end, closing))
        position = closing + end - start
    return spans


def _list_quotations(text: str, *, truncated: bool) -> list[tuple[int, int]]:
    """Return the contents of quotations; one in single marks ends on its line."""
    ends: dict[str, list[int]] = {}
    for match in _CLOSING.finditer(text):
        ends.setdefault(match[0], []).append(match.start())
    breaks = [match.start() for match in _LINE_BREAK.finditer(text)]
    spans: list[tuple[int, int]] = []
    position = 0
    for mark in _OPENING.finditer(text):
        if mark.start() < position:
            continue
        found = [_find_next(ends.get(each, []), mark.end()) for each in _CLOSINGS[mark[0]]]
        end = min((each for each in found if each is not None), default=None)
        if mark[0] in _SINGLE_MARKS:
            if end is None or _count(breaks, mark.start()) != _count(breaks, end):
                continue
        elif end is None:
            if not truncated:
                continue
            end = len(text)
        spans.append((mark.end(), end))
        position = end + 1
    return spans


def _find_next(positions: list[int], start: int) -> int | None:
    """Return the first of the sorted positions that is not before `start`."""
    index = bisect_left(positions, start)
    return positions[index] if index < len(positions) else None


def _count(positions: list[int], end: int) -> int:
    """Return how many of the sorted positions are before `end`."""
    return bisect_left(positions, end)


def _mask_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with spaces in the spans, which are sorted; line breaks are kept."""
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += [text[position:start], _NO_BREAK.sub(" ", text[start:end])]
        position = end
    return "".join([*parts, text[position:]])
