"""Keep API keys out of every file and message.

A key in a configuration or an override is refused, because the run folder stores both.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, cast

from evalharness.backends import MIN_SECRET_LENGTH, REDACTED, Scrubber, find_backend
from evalharness.config.secret_headers import REFERENCE_START
from evalharness.config.trust.env_file import ENV_FILE, NAMES_A_SECRET
from evalharness.errors import BackendError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from evalharness.domain import (
        Backend,
        Completion,
        LoadedModel,
        ModelLender,
        ModelSpec,
        Request,
        WorkResult,
    )

_MIN_REFUSED_LENGTH = 12  # a shorter value of some variable may be a word of a configuration
_LOOKS_LIKE_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk|xai|pplx|nvapi|tgp|csk)-[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, xAI, ...
    r"|(?:hf|gsk|r8|ghp|glpat|fw|api)_[A-Za-z0-9_-]{20,}"  # Hugging Face, Groq, Replicate, ...
    r"|AIza[A-Za-z0-9_-]{30,}"  # Google
    r")"
)
_KEY_VARIABLE_FIELD = "api_key_env"
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_VARIABLE_LENGTH = 64
_REMEDY = (
    "a key does not belong in a configuration, which is kept and shown: export it (or put a line "
    f"NAME=KEY in {ENV_FILE}), and name the variable in api_key_env"
)


def find_secrets(*names: str | None) -> tuple[str, ...]:
    """Return the keys, tokens and passwords in the environment, longest first.

    Args:
        names: more variables that hold a key; their names need not look like it.
    """
    return _secret_values(
        name for name in os.environ if name in names or NAMES_A_SECRET.search(name)
    )


def redact(text: str, hidden: Sequence[str]) -> str:
    """Return the text with these keys replaced by asterisks."""
    return Scrubber(hidden).scrub(text)


def refuse_keys_in_overrides(overrides: Sequence[str]) -> None:
    """Refuse overrides that contain a key, because the manifest stores them.

    Raises:
        ConfigError: an override contains a key; the message names the override, not the key.
    """
    known = find_secrets()
    for override in overrides:
        key, _, value = override.partition("=")
        is_written = value and REFERENCE_START not in value
        if _holds_secret(override, known) or (is_written and NAMES_A_SECRET.search(key)):
            place = redact(_LOOKS_LIKE_KEY.sub(REDACTED, key), known)
            msg = f"{place}: {_REMEDY}"
            raise ConfigError(msg)


def refuse_keys_in_config(tree: Mapping[str, Any]) -> None:
    """Refuse a composed configuration that contains a key, written or read by `${oc.env:...}`.

    Raises:
        ConfigError: a value contains a key; the message names the setting, not the key.
    """
    texts = list(_iterate_texts(tree, ""))
    known = find_secrets(*(text for place, text in texts if place.endswith(_KEY_VARIABLE_FIELD)))
    for place, text in texts:
        is_variable = place.endswith(_KEY_VARIABLE_FIELD)
        if _holds_secret(text, known) or (is_variable and not _is_plausible_variable(text)):
            msg = f"{redact(place, known)}: {_REMEDY}"
            raise ConfigError(msg)


class RedactingBackend:
    """A backend that redacts the key that was sent, if a server echoes it in a reply or an error."""

    def __init__(self, backend: Backend, spec: ModelSpec) -> None:
        self._backend = backend
        # Only the key that was sent: the values of other variables can be ordinary words.
        variables = find_backend(spec.backend).list_key_variables(spec)
        self._scrubber = Scrubber(os.environ.get(name) for name in variables)

    async def complete(self, request: Request) -> Completion:
        """Return a completion, as the backend does.

        Raises:
            BackendError: as the backend does.
        """
        try:
            completion = await self._backend.complete(request)
        except BackendError as error:
            self._scrubber.scrub_error(error)
            raise
        return self._scrubber.scrub_completion(completion)

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return the result of `work` with the backend's model, which is loaded on this machine."""
        return await cast("ModelLender", self._backend).lend(work)

    async def close(self) -> None:
        """Close the backend."""
        await self._backend.close()


def _secret_values(names: Iterable[str]) -> tuple[str, ...]:
    """Return the values of these variables that are long enough for a key, longest first."""
    found = {os.environ.get(name, "").strip() for name in names}
    return tuple(
        sorted((each for each in found if len(each) >= MIN_SECRET_LENGTH), key=len, reverse=True)
    )


def _holds_secret(text: str, known: Sequence[str]) -> bool:
    return bool(_LOOKS_LIKE_KEY.search(text)) or any(
        len(secret) >= _MIN_REFUSED_LENGTH and secret in text for secret in known
    )


def _is_plausible_variable(text: str) -> bool:
    """Return whether a text can be the name of a variable: a long random mix of characters is not."""
    is_name = _VARIABLE_NAME.fullmatch(text) and len(text) <= _MAX_VARIABLE_LENGTH
    looks_random = len(text) > 24 and re.search(r"\d", text) and re.search(r"[a-z]", text)  # noqa: PLR2004
    return bool(is_name) and (text in os.environ or not looks_random)


def _iterate_texts(tree: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a configuration with its dotted path; keys of mappings are texts too."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            inner = f"{place}.{key}" if place else str(key)
            yield place or "the configuration", str(key)
            yield from _iterate_texts(value, inner)
    elif isinstance(tree, list):
        for value in tree:
            yield from _iterate_texts(value, place)
    elif isinstance(tree, str):
        yield place, tree
