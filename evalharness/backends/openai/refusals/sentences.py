"""Read the sentences of a server's refusal, in any of the forms that servers use.

Servers nest their words: in `error`, `detail` or `message`, in lists, in JSON or a Python literal inside
a text (a proxy that quotes the server behind it).
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from evalharness.backends.openai.replies.limits import decode_reply, has_deep_nesting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SENTENCE_END = re.compile(r"(?<=[.;!])\s+|\n+")
_INNER_KEYS = (
    "message",
    "msg",
    "error",
    "errors",
    "detail",
    "details",
    "description",
    "fieldViolations",
    "metadata",
    "raw",
    "cause",
)
_PATH_KEYS = ("loc", "param", "parameter", "field", "path", "pointer", "instancePath", "source")
# Some servers list the complaints by field: {"errors": {"seed": ["is not allowed"]}}
_FIELD_KEYS = ("temperature", "top_p", "max_tokens", "seed", "response_format", "top_logprobs")
_WRITTEN_PATH = re.compile(r"[\w.\[\]/$#\"'-]+")
_PATH_PART = re.compile(r"[A-Za-z_]\w*|\d+")
_BARE_PATH = re.compile(r"[a-z]\w*(?:\.\w+|\[\d+\])*")
_NESTED_START = re.compile(r"[\[(]?\{[\"']")
_LONGEST_NESTED = 50_000
_LONGEST_READ = 20_000  # characters; a page of HTML is longer
_QUOTED = re.compile(r"""(?<!\w)(["'`])((?:(?!\1).){1,2000})\1(?!\w)""", re.DOTALL)
_LONGEST_NAMES = 2  # words; a longer text in quotes may be one of ours


class RefusalSentence(NamedTuple):
    """A sentence of a refusal.

    Attributes:
        text: the sentence, or the whole message.
        path: the place in the request that it is about, where the form of the refusal names one:
            `("messages", "0", "role")`.
    """

    text: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the sentence; one about a field that it does not name begins with the name."""
        if not self.path or any(part in self.text for part in self.path if not part.isdigit()):
            return self.text
        return f"{'.'.join(self.path)}: {self.text}"


def iterate_sentences(content: bytes) -> Iterator[RefusalSentence]:
    """Yield the sentences of a refusal."""
    try:
        said = decode_reply(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = content.decode(errors="replace")
    for message, path in iterate_messages(said):
        place, text = path, _QUOTED.sub(_drop_text, message[:_LONGEST_READ])
        for part in filter(None, (part.strip() for part in _SENTENCE_END.split(text))):
            if not path and _BARE_PATH.fullmatch(part):
                place = _parse_path(part)  # a field on a line of its own, before what is wrong
            yield RefusalSentence(part, place)


def _drop_text(quoted: re.Match[str]) -> str:
    mark, text = quoted.groups()
    return quoted[0] if len(text.split()) <= _LONGEST_NAMES else f"{mark}...{mark}"


def iterate_messages(said: Any, path: tuple[str, ...] = ()) -> Iterator[RefusalSentence]:
    """Yield the messages in a decoded refusal; what a server repeats of our request is not one.

    Args:
        said: the refusal, or a part of it.
        path: the place in the request that the part is about.
    """
    if isinstance(said, str) and said:
        yield from _iterate_nested(said, path) or [RefusalSentence(said, path)]
    elif isinstance(said, list | tuple):
        for each in said:
            yield from iterate_messages(each, path)
    elif isinstance(said, dict):
        yield from _iterate_parts(said, path)


def _iterate_parts(said: Mapping[str, Any], outer: tuple[str, ...]) -> Iterator[RefusalSentence]:
    own = _find_path(said)
    path, is_silent = own or outer, True
    for key in _INNER_KEYS:
        for message in iterate_messages(said.get(key), path):
            is_silent = False
            yield message
    for key in _FIELD_KEYS:
        texts = said.get(key)
        for text in texts if isinstance(texts, list) else [texts]:
            if isinstance(text, str) and " " in text:
                is_silent = False
                yield RefusalSentence(text, (key,))
    if own and is_silent:
        yield RefusalSentence(".".join(own), own)


def _iterate_nested(text: str, path: tuple[str, ...]) -> list[RefusalSentence]:
    """Return the messages of a structure that is written inside a text; none if there is none."""
    found = _NESTED_START.search(text)
    if found is None or len(text) > _LONGEST_NESTED:
        return []
    start, end = found.start(), max(text.rfind(mark) for mark in "}])") + 1
    messages = list(iterate_messages(_decode(text[start:end]), path))
    around = [part.strip() for part in (text[:start], text[end:])]
    before, after = ([RefusalSentence(part, path)] if part else [] for part in around)
    return [*before, *messages, *after] if messages else []


def _decode(text: str) -> Any:
    try:
        return decode_reply(text.encode())
    except (msgspec.DecodeError, UnicodeError):
        pass
    if has_deep_nesting(text.encode(errors="replace")):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _find_path(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the place in our request that a structured refusal names, or an empty one."""
    for key in _PATH_KEYS:
        place = said.get(key)
        if isinstance(place, dict):
            place = place.get("pointer") or place.get("parameter")
        if key == "path" and isinstance(place, str):
            continue  # of the URL
        if path := _parse_path(place):
            return path
    return ()


def _parse_path(place: Any) -> tuple[str, ...]:
    if isinstance(place, list | tuple):
        parts = [str(part) for part in place]
    elif isinstance(place, str) and _WRITTEN_PATH.fullmatch(place):
        parts = _PATH_PART.findall(place)
    else:
        return ()
    return tuple(parts[1:] if parts[:1] == ["body"] else parts)
