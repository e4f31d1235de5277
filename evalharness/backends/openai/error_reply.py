"""Read the refusals of OpenAI-compatible servers, and how long they ask to wait, without any I/O."""

from __future__ import annotations

import math
import re
from codecs import BOM_UTF8
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.openai.refusals.sentences import iterate_messages
from evalharness.backends.openai.replies.limits import decode_reply
from evalharness.errors import ContextLengthError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.backends.scrubber import Scrubber
    from evalharness.errors import BackendError

MAX_RETRY_AFTER_S = 60.0
_MAX_QUOTED_CHARACTERS = 300
_MAX_READ_BYTES = 2**20
_RETRYABLE_STATUSES = (408, 409, 429)
INSUFFICIENT_QUOTA = "insufficient_quota"
CONTENT_FILTER = "content_filter"
_NO_CREDIT_STATUSES = (400, 402, 403, 429)
_NOT_FOR_CONTEXT_STATUSES = (401, 402, 403, 404, 408, 409, 429)
_PAYMENT_REQUIRED = 402
# Each line is in the words of some servers; `tests/backends/openai/test_error_reply.py` has them.
_CONTEXT_LENGTH_MESSAGE = re.compile(
    r"context[ _-]?(?:length|window|size|limit)"
    r"|(?:prompt|input|request) (?:is )?too (?:long|large)|too large for model"
    r"|input tokens? (?:count|exceed)|exceeds? (?:the )?max(?:imum)? (?:length|number of tokens)"
    r"|max(?:imum)?[ _](?:model[ _]len|prompt length|input length)|too many tokens: total"
    r"|token limit|string_above_max_length|range of input length|reduce the length of the (?:mess|inp)"
    r"|`?inputs`? (?:tokens|must have less than)|(?:input|prompt) is too big|exceeds? n_ctx",
    re.IGNORECASE,
)
_REQUEST_TOO_LARGE_MESSAGE = re.compile(
    r"request too large for|(?:tokens|message size) must be reduced", re.IGNORECASE
)
# That the reply may not be as long, whatever else is said of the context window.
_REPLY_LENGTH_MESSAGE = re.compile(
    r"max_(?:completion_|output_)?tokens\W+(?:(?:must|should) be (?:at most|<=|less than)"
    r"|(?:is )?too large for model)",
    re.IGNORECASE,
)
_CONVERSATION = re.compile(r"prompt|input|messages|context length", re.IGNORECASE)
# That waiting does not help, by a code or type, and in words, which some servers also use where it does.
_NO_CREDIT_CODE = re.compile(
    r"insufficient_(?:quota|balance|credits?|funds)|billing_(?:hard_limit_reached|not_active)"
    r"|quota_exhausted|payment_required|credit_balance"
)
_NO_CREDIT_MESSAGE = re.compile(
    r"insufficient (?:\w+ )?(?:quota|balance|credits?|funds)|(?:hard|spend(?:ing)?|usage|billing) limit"
    r"|credit balance is too low|requires? more credits|(?:out of|no|not enough) credits"
    r"|exceeded your (?:current )?quota|(?:check|update) your (?:plan|billing)|billing details"
    r"|(?:account|billing) is not active|arrears|prepayment credits are depleted",
    re.IGNORECASE,
)
_WAIT_MESSAGE = re.compile(
    r"(?:try again|retry) (?:in|after)|retrydelay|per[ _-]?minute", re.IGNORECASE
)
_CERTIFICATE_WORDS = re.compile(r"certificate verify failed: [^()]*[^() ]")
_CONTENT_FILTER_MESSAGE = re.compile(
    r"content_(?:policy_violation|filter)|content management policy|responsibleaipolicy"
    r"|data_?inspection_?failed|invalid_prompt|flagged (?:as|for|by)|usage policy"
    r"|prohibited_content|(?:safety|moderation) (?:system|filter|policy)",
    re.IGNORECASE,
)


def summarize_error_reply(content: bytes, secret: str | None) -> str:
    """Return a server's error message in one line, shortened and without the secret."""
    return _shorten(_extract_message(content), secret)


def scrub_reply(scrubber: Scrubber, content: bytes) -> bytes:
    """Return a refusal without secrets, also where its JSON writes their characters as escapes."""
    try:
        said = decode_reply(content.removeprefix(BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return scrubber.scrub(content.decode(errors="replace")).encode()
    clean = scrubber.scrub_tree(said)
    return content if clean == said else msgspec.json.encode(clean)


def summarize_error(error: Any) -> str:
    """Return the message of a decoded error in one line, shortened."""
    return _shorten(_find_message({"error": error}) or str(error), None)


def _shorten(text: str, secret: str | None) -> str:
    if secret:
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    return text if len(text) <= _MAX_QUOTED_CHARACTERS else f"{text[:_MAX_QUOTED_CHARACTERS]}..."


def _extract_message(content: bytes) -> str:
    """Return the message in any of the formats that servers use, else the whole text."""
    content = content[:_MAX_READ_BYTES].removeprefix(BOM_UTF8)
    try:
        said = decode_reply(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return content.decode(errors="replace")
    return _find_message(said) or content.decode(errors="replace")


def _find_message(said: Any) -> str | None:
    """Return the message in a decoded reply, with its code if that is a word."""
    match said:
        case [first, *_]:  # Google sends a list
            return _find_message(first)
        case {"error": {"message": str(message), "code": str(code)}} if code:
            return f"{message} ({code})"
        case {"error": {"message": str(message), "type": str(kind)}} if _NO_CREDIT_CODE.search(
            kind
        ):
            return f"{message} ({kind})"
        case {"error": {"message": str(message), "metadata": {"raw": str(raw)}}}:
            return _join_messages([message, raw])  # a router quotes the server behind it
        case (
            {"error": {"message": str(message)}}
            | {"error": str(message)}
            | {"message": str(message)}
            | {"detail": str(message)}
        ):
            return _join_messages(message)
    return _join_messages(said)


def _join_messages(said: Any) -> str | None:
    """Return the messages of any form, each with the field that it is about; None without one."""
    texts = dict.fromkeys(str(message) for message in iterate_messages(said))
    return "; ".join(filter(None, texts)) or None


def make_certificate_error(words: str) -> BackendError:
    """Return the error for a server whose certificate cannot be verified, with the remedy."""
    found = _CERTIFICATE_WORDS.search(words)
    message = (
        f"the server cannot be trusted: {found[0] if found else summarize_error(words)}; if it is "
        "yours, name the file with the certificate of its authority in SSL_CERT_FILE"
    )
    return PermanentError(message, reason="certificate")


def make_http_error(status: int, headers: Mapping[str, str], said: str) -> BackendError:
    """Return the error for a status that is no success."""
    message = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    wait_s = retry_after_s(headers)
    if _is_without_credit(status, said, wait_s):
        return PermanentError(message, reason=INSUFFICIENT_QUOTA)
    if _exceeds_context(status, said):
        return ContextLengthError(message)
    if status in _RETRYABLE_STATUSES or status >= 500:  # noqa: PLR2004 - all server errors
        return TransientError(message, reason=f"http_{status}", retry_after_s=wait_s)
    if location := headers.get("Location"):
        message = f"{message} redirects to {location}; if that is right, make it the base_url"
    elif _CONTENT_FILTER_MESSAGE.search(said):
        return PermanentError(message, reason=CONTENT_FILTER)
    return PermanentError(message, reason=f"http_{status}")


def _is_without_credit(status: int, said: str, wait_s: float | None) -> bool:
    """Whether a refusal says that the account is empty or blocked, so that waiting does not help.

    Some servers use the same words for a limit by the minute, and say when to ask again.
    """
    if status == _PAYMENT_REQUIRED or _NO_CREDIT_CODE.search(said):
        return True
    if status not in _NO_CREDIT_STATUSES or not _NO_CREDIT_MESSAGE.search(said):
        return False
    return wait_s is None and not _WAIT_MESSAGE.search(said)


def _exceeds_context(status: int, said: str) -> bool:
    """Whether a refusal says that the conversation is too long, for the model or for the account."""
    if _REQUEST_TOO_LARGE_MESSAGE.search(said):
        return True
    if _REPLY_LENGTH_MESSAGE.search(said) and not _CONVERSATION.search(said):
        return False
    is_general = status in _NOT_FOR_CONTEXT_STATUSES
    return not is_general and bool(_CONTEXT_LENGTH_MESSAGE.search(said))


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
    except (ValueError, TypeError, OverflowError):
        return _parse_number(asked)


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
