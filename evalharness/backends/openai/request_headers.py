"""Build the headers of requests, with secrets from the environment at the time of sending.

A header is configured as `${oc.env:NAME}` or, say, `Bearer ${oc.env:NAME}`. The reference is what
files and keys hold; its value is read here.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evalharness.backends.openai.server_address import (
    hide_password,
    is_private,
    list_account_headers,
    list_server_urls,
)
from evalharness.backends.openai.settings import get_openai_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import ModelSpec

_REFERENCE = re.compile(r"\$\{oc\.env:\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:,([^}]*))?\}")


def build_request_headers(spec: ModelSpec, key: str | None) -> dict[str, str]:
    """Return the headers of a model's requests: the key, the user's account, and its own.

    Args:
        spec: the model.
        key: the key of its servers. A header of the model with the key's name replaces it.
    """
    settings = get_openai_settings(spec)
    headers = list_account_headers(spec)
    if key and settings.api_version:
        headers["api-key"] = key
    elif key:
        headers["Authorization"] = f"Bearer {key}"
    own = fill_headers(settings.headers)
    replaced = {name.lower() for name in own}
    return {name: value for name, value in headers.items() if name.lower() not in replaced} | own


def list_secrets(spec: ModelSpec, key: str | None) -> tuple[str, ...]:
    """Return what a model's servers are sent and must not be shown: the key, and secret headers."""
    headers = get_openai_settings(spec).headers
    values = (os.environ.get(name, "").strip() for name in list_header_variables(headers))
    return tuple(filter(None, (key, *values)))


def list_header_variables(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the environment variables that headers refer to, each once."""
    found = (match[1] for value in headers.values() for match in _REFERENCE.finditer(value))
    return tuple(dict.fromkeys(found))


def list_header_problems(spec: ModelSpec) -> Iterator[str]:
    """Yield what is wrong with a model's headers: a variable that is not set, or no encryption."""
    place, headers = f"models.{spec.name}.headers", get_openai_settings(spec).headers
    for header, value in headers.items():
        for match in _REFERENCE.finditer(value):
            if match[2] is None and not os.environ.get(match[1], "").strip():
                yield f"{match[1]} is not set; {place}.{header} needs it in the environment"
        filled = _REFERENCE.sub(_read_variable, value)
        if not filled.isascii() or not filled.isprintable():
            yield f"{place}.{header} has a line break or another character that no header has"
    for url in list_server_urls(spec):
        is_open = urlsplit(url).scheme == "http" and not is_private(url)
        if is_open and list_header_variables(headers):
            yield (
                f"the secrets in {place} would go to {hide_password(url)} without encryption; "
                "use https://, or a server in your own network"
            )


def fill_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they are sent; a variable that is not set has its default, or no text."""
    return {name: _REFERENCE.sub(_read_variable, value) for name, value in headers.items()}


def _read_variable(match: re.Match[str]) -> str:
    return os.environ.get(match[1], "").strip() or (match[2] or "").strip()
