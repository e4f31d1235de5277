"""Remove secrets from everything that a server says: texts, names, errors and ids.

A server may repeat the key that it was sent, as it is or in another form: in a URL, in base64 (the
header of Basic authentication), in HTML, in JSON or in hexadecimal digits.
"""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalharness.domain import Completion
    from evalharness.errors import BackendError

REDACTED = "***"
MIN_SECRET_LENGTH = 8  # shorter values are ordinary words
_NO_KEYS = {
    "not-needed",
    "not-required",
    "no-key-needed",
    "no-key-required",
    "sk-no-key-required",
    "lm-studio",
}
"""What is written in the place of a key where a server needs none."""
_ALIGNMENTS = {0: 0, 1: 2, 2: 3}
"""How many characters of base64 depend on the bytes before a text, by the number of these bytes
that begin a group of three."""


class Scrubber:
    """Replaces secrets by asterisks, in each form in which a server may repeat them."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        """Know some secrets; values that are too short for one are ignored."""
        self._forms: tuple[str, ...] = ()
        for secret in secrets:
            self.add(secret or "")

    def add(self, secret: str) -> None:
        """Know one more secret."""
        secret = secret.strip()
        if len(secret) >= MIN_SECRET_LENGTH and secret not in _NO_KEYS:
            forms = {*self._forms, *_iterate_forms(secret)}
            self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))

    def scrub(self, text: str) -> str:
        """Return a text without the secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, REDACTED)
        return text

    def scrub_tree(self, content: Any) -> Any:
        """Return plain content (texts, lists, dicts) without the secrets."""
        if isinstance(content, str):
            return self.scrub(content)
        if isinstance(content, list):
            return [self.scrub_tree(each) for each in content]
        if isinstance(content, dict):
            return {self.scrub_tree(key): self.scrub_tree(each) for key, each in content.items()}
        return content

    def scrub_completion(self, completion: Completion) -> Completion:
        """Return a completion without the secrets, whichever of its fields has them."""
        changed: dict[str, Any] = {}
        for own in fields(completion):
            said = getattr(completion, own.name)
            if isinstance(said, str) and (clean := self.scrub(said)) != said:
                changed[own.name] = clean
        return replace(completion, **changed) if changed else completion

    def scrub_error(self, error: BackendError) -> None:
        """Remove the secrets from what an error says."""
        error.args = tuple(self.scrub(str(word)) for word in error.args)
        error.reason = self.scrub(error.reason)


def _iterate_forms(secret: str) -> Iterator[str]:
    """Yield the forms in which a server may repeat a secret."""
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from (
        html.escape(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
    )
    content = secret.encode()
    yield from (content.hex(), content.hex().upper())
    for before, unsure in _ALIGNMENTS.items():
        sure = (before + len(content)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + content).decode()[unsure:sure]
