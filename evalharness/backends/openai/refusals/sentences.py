"""Read the sentences of a server's refusal, in any of the forms that servers use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SENTENCE_END = re.compile(r"(?<=[.;!])\s+|\n+")


def iterate_sentences(content: bytes) -> Iterator[str]:
    """Yield the sentences of a refusal; one about a field begins with its name."""
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = content.decode(errors="replace")
    for text in _iterate_messages(said):
        yield from filter(None, (part.strip() for part in _SENTENCE_END.split(text)))


def _iterate_messages(said: Any) -> Iterator[str]:
    """Yield the messages in a refusal of any form; what a server repeats of our request is not one."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for each in said:
            yield from _iterate_messages(each)
    elif isinstance(said, dict):
        named = _find_field(said)
        for key in ("message", "msg"):
            if isinstance(said.get(key), str):
                yield f"{named}: {said[key]}" if named else said[key]
        for key in ("error", "errors", "detail", "details", "metadata", "raw", "cause"):
            if key in said:
                yield from _iterate_messages(said[key])


def _find_field(said: Mapping[str, Any]) -> str | None:
    """Return the field that a structured refusal names, or None."""
    location: Sequence[Any] = said.get("loc") or ()
    name = said.get("param") or (location[-1] if isinstance(location, list) and location else None)
    return name if isinstance(name, str) else None
