"""A refusal beside the request that was refused: which of its fields the server means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from evalharness.backends.openai.refusals.sentences import iterate_sentences
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.domain import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalharness.backends.openai.refusals.sentences import RefusalSentence
    from evalharness.domain import ModelSpec

_OUR_NAMES = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "random_seed": "seed",
    "text.format": "response_format",
    "text": "response_format",
    "reasoning.effort": "reasoning_effort",
    "reasoning": "reasoning_effort",
    "top_k_logprobs": "top_logprobs",
}
_REFUSED = re.compile(
    r"unsupported|unknown|unrecogni[sz]ed|unexpected|unavailable|invalid|deprecated|removed?\b"
    r"|forbidden|incompatible|disabled|restricted|rejected|refused|illegal|extra (?:inputs|fields)"
    r"|\b(?:not|no|cannot|only|must|should|needs?|requires?|fixed|limit(?:ed|s)?|range|omit|drop)\b"
    r"|n't\b|exceed|too (?:large|high|many|long|big)|at most|maximum"
    r"|(?:less|greater|larger|more|higher|lower) than|[<>≤≥]",
    re.IGNORECASE,
)
_SYSTEM_ROLE = re.compile(
    r"system (?:role|message|prompt|instruction)s?\W*(?:\w+\W+){0,3}?(?:not|un|disabled|only)"
    r"|(?:not|n't|un)\s*support\w*[^.]{0,40}\bsystem\b|role\W[^.]*\bsystem\b|\bsystem\b[^.]*\brole"
    r"|developer instruction is not enabled|roles must alternate"
    r"|(?:only|should be|must be)\W+user\W+(?:or|and)\W+assistant",
    re.IGNORECASE,
)
_FORMAT_NAMES = re.compile(
    r"response[_ ]format|json[_ ]schema|structured[_ ]outputs?|text\.format", re.IGNORECASE
)
_REPLY_LENGTH = re.compile(
    r"\bmax(?:imum)?[ _-](?:(?:number of|output|completion|new|generated)[ _-])*tokens"
    r"|max(?:Output|Completion|New)?Tokens",
)
_OTHER_LETTERS = re.compile(r"[^\W\d_a-zA-Z]")


class RefusalLesson:
    """A refusal, with the request that was refused."""

    def __init__(self, content: bytes, body: Mapping[str, Any], spec: ModelSpec) -> None:
        self.body = body
        self.spec = spec
        self.settings = get_openai_settings(spec)
        self.sentences = list(iterate_sentences(content))
        self.text = " ".join(dict.fromkeys(_iterate_texts(self.sentences)))
        self._sent = {_name_as_ours(name) for name in body}

    def find_refusal(self, *names: str) -> str | None:
        """Return the sentence that refuses a field under one of its names, or None.

        Where the form of the refusal names the field, any sentence does, in any language.
        """
        fields = {_name_as_ours(name) for name in names}
        for sentence in self.sentences:
            place = self._find_field(sentence)
            if place in fields or _is_refused(names, sentence.text, is_general=place is None):
                return str(sentence)
        return None

    def find_sent_name(self, field: str) -> str | None:
        """Return the name under which the request has one of our fields, or None."""
        names = (field, *(new for new, ours in _OUR_NAMES.items() if ours == field))
        return next((name for name in names if name in self.body), None)

    def refuses_format(self) -> bool:
        """Whether the format of the reply is refused."""
        return any(
            self._find_field(sentence) == "response_format"
            or (_FORMAT_NAMES.search(sentence.text) and _REFUSED.search(sentence.text))
            for sentence in self.sentences
        )

    def find_reply_length(self) -> str | None:
        """Return the sentence that refuses the length of the reply in words of its own, or None."""
        for sentence in self.sentences:
            if _REPLY_LENGTH.search(sentence.text) and _REFUSED.search(sentence.text):
                return sentence.text
        return None

    def refuses_system_message(self) -> bool:
        """Whether a message of the role `system` is refused; the request has one."""
        return any(
            self._is_system_role(sentence) or _SYSTEM_ROLE.search(sentence.text)
            for sentence in self.sentences
        )

    def _is_system_role(self, sentence: RefusalSentence) -> bool:
        """Whether the form of the refusal names the role of a system message."""
        path, messages = sentence.path, self.body.get("messages") or ()
        if self._find_field(sentence) != "messages" or "role" not in path:
            return False
        index = next((int(part) for part in path if part.isdecimal()), 0)
        return index < len(messages) and messages[index]["role"] == Role.SYSTEM

    def _find_field(self, sentence: RefusalSentence) -> str | None:
        """Return our name of the request's field that the form of a refusal names, or None."""
        names = [_name_as_ours(part) for part in sentence.path]
        return next((name for name in names if name in self._sent), None)


def _iterate_texts(sentences: Sequence[RefusalSentence]) -> Iterator[str]:
    """Yield the sentences; the first of several about one place begins with it."""
    place: tuple[str, ...] = ()
    for sentence in sentences:
        yield sentence.text if sentence.path == place else str(sentence)
        place = sentence.path


def is_named(name: str, text: str) -> bool:
    """Whether a text has the name of a field."""
    return _find_name(name, text) is not None


def _find_name(name: str, text: str) -> re.Match[str] | None:
    return re.search(rf"(?i)(?<![a-z0-9_]){re.escape(name)}(?![a-z0-9_])", text)


def _is_refused(names: tuple[str, ...], text: str, *, is_general: bool) -> bool:
    """Whether a sentence refuses a field that it names.

    Args:
        names: the names of the field.
        text: the sentence.
        is_general: whether the refusal names no other field of the request. If so, a name in quotes
            does, or one in a sentence in another language than English.
    """
    for name in names:
        if (found := _find_name(name, text)) is None:
            continue
        if _REFUSED.search(text) or text in names:
            return True
        is_quoted = text[: found.start()][-1:] in tuple("\"'`")
        if is_general and (is_quoted or _OTHER_LETTERS.search(text)):
            return True
    return False


def _name_as_ours(name: str) -> str:
    """Return our name of a field that is written as a server does: `maxOutputTokens`."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return _OUR_NAMES.get(snake, snake)
