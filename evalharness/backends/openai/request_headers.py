"""Fill the headers of requests with secrets from the environment, at the time of sending.

A header is configured as `${oc.env:NAME}` or, say, `Bearer ${oc.env:NAME}`. The reference is what
files and keys hold; its value is read here.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\{oc\.env:\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:,([^}]*))?\}")


def list_header_variables(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the environment variables that headers refer to, each once."""
    found = (match[1] for value in headers.values() for match in _REFERENCE.finditer(value))
    return tuple(dict.fromkeys(found))


def find_missing_header_variable(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return a header and the variable that it needs and that is not set, or None."""
    for header, value in headers.items():
        for match in _REFERENCE.finditer(value):
            if match[2] is None and not os.environ.get(match[1], "").strip():
                return header, match[1]
    return None


def fill_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they are sent; a variable that is not set has its default, or no text."""
    return {name: _REFERENCE.sub(_read_variable, value) for name, value in headers.items()}


def _read_variable(match: re.Match[str]) -> str:
    return os.environ.get(match[1], "").strip() or (match[2] or "").strip()
