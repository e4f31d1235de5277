"""Read the refusals of OpenAI-compatible servers, and how long they ask to wait, without any I/O."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from evalharness.errors import ContextLengthError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.errors import BackendError

MAX_RETRY_AFTER_S = 60.0
_MAX_QUOTED_CHARACTERS = 300
_RETRYABLE_STATUSES = (408, 409, 429)
_CONTEXT_LENGTH_MESSAGE = re.compile(
    r"context[ _](length|window|size)|(prompt|input) is too long|max_model_len|`inputs` tokens",
    re.IGNORECASE,
)


def summarize_error_reply(content: bytes, secret: str | None) -> str:
    """Return a server's error message in one line, shortened and without the secret."""
    text = _extract_message(content)
    if secret:
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    return text if len(text) <= _MAX_QUOTED_CHARACTERS else f"{text[:_MAX_QUOTED_CHARACTERS]}..."


def _extract_message(content: bytes) -> str:
    """Return the message in any of the formats that servers use, else the whole text."""
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return content.decode(errors="replace")
    match said:
        case {"error": {"message": str(message), "code": str(code)}}:
            return f"{message} ({code})"
        case (
            {"error": {"message": str(message)}}
            | {"error": str(message)}
            | {"message": str(message)}
            | {"detail": str(message)}
        ):
            return message
    return content.decode(errors="replace")


def make_http_error(status: int, headers: Mapping[str, str], said: str) -> BackendError:
    """Return the error for a status other than 200."""
    message = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if "insufficient_quota" in said:
        return PermanentError(message, reason="insufficient_quota")
    if status in _RETRYABLE_STATUSES or status >= 500:  # noqa: PLR2004 - all server errors
        return TransientError(
            message, reason=f"http_{status}", retry_after_s=retry_after_s(headers)
        )
    if _CONTEXT_LENGTH_MESSAGE.search(said):
        return ContextLengthError(message)
    if location := headers.get("Location"):
        message = f"{message} redirects to {location}; if that is right, make it the base_url"
    return PermanentError(message, reason=f"http_{status}")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server requests to wait, at most a minute; None without a request."""
    asked = headers.get("retry-after-ms")
    seconds = (
        _parse_number(asked) / 1000
        if asked
        else _parse_retry_after_s(headers.get("retry-after", ""))
    )
    return min(seconds, MAX_RETRY_AFTER_S) if seconds > 0 else None


def _parse_retry_after_s(asked: str) -> float:
    """Return the seconds in a number, or until a date; NaN for any other text."""
    try:
        return (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return _parse_number(asked)


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
