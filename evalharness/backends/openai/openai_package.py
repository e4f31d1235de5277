"""Clients of the `openai` package for a model's server, and its errors as errors of this package.

The package is used for files, batches and lists of models. Completions are asked for by our own
client, which takes a part of the processor time. Everything that the package would read from the
environment (keys, addresses, organizations) is given to it here, because the key of one provider
must not reach another.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from evalharness.backends.openai.azure_tokens import find_token_provider
from evalharness.backends.openai.error_reply import (
    make_certificate_error,
    make_http_error,
    scrub_reply,
    summarize_error_reply,
)
from evalharness.backends.openai.replies.body import (
    ACCEPTED_ENCODINGS,
    MAX_REFUSAL_MB,
    ReplyBody,
)
from evalharness.backends.openai.request_headers import build_request_headers
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.errors import BackendError, TransientError

if TYPE_CHECKING:
    import openai

    from evalharness.backends.openai.settings import OpenAISettings
    from evalharness.backends.scrubber import Scrubber
    from evalharness.domain import ModelSpec

_NO_KEY = "none"  # the package insists on a key
_ACCOUNT_FIELDS = ("OpenAI-Organization", "OpenAI-Project")
_KEY_FIELDS = ("Authorization", "api-key")
_TRANSPORT_FIELDS = ("Content-Encoding", "Content-Length", "Transfer-Encoding")
_LATE = "no whole reply in time"
_FILE_PATH_END = "/content"


def open_client(
    spec: ModelSpec,
    base_url: str,
    *,
    key: str | None,
    scrubber: Scrubber,
    proxy: str | None,
    timeout_s: float,
) -> openai.AsyncOpenAI:
    """Return a client of one of a model's servers; it makes a single attempt at each request.

    Args:
        spec: the model.
        base_url: the server.
        key: the server's key, or None.
        scrubber: is told the token of a login.
        proxy: the proxy of the server, or None.
        timeout_s: of a request as a whole.
    """
    import openai

    own = build_request_headers(spec, key)
    find_token = find_token_provider(spec) if key is None else None
    limits = get_openai_settings(spec)

    async def set_headers(request: Any) -> None:
        _set_headers(request, own)
        if find_token is not None:
            token = await asyncio.to_thread(find_token)
            scrubber.add(token)
            request.headers["Authorization"] = f"Bearer {token}"

    class LimitedHttpClient(openai.DefaultAsyncHttpxClient):
        """Sends requests, and reads their replies up to the limits of the model."""

        async def send(self, request: Any, **options: Any) -> Any:
            """Return a whole reply, whatever part of it is asked for.

            Raises:
                BackendError: it is larger than its limit, or does not arrive in time.
            """
            try:
                async with asyncio.timeout(timeout_s):
                    response = await super().send(request, **options | {"stream": True})
                    try:
                        content = await _read_content(response, limits)
                    finally:
                        await response.aclose()
            except TimeoutError:
                raise TransientError(_LATE, reason="timeout") from None
            for name in _TRANSPORT_FIELDS:
                response.headers.pop(name, None)
            return type(response)(
                response.status_code, headers=response.headers, content=content, request=request
            )

    return openai.AsyncOpenAI(
        http_client=LimitedHttpClient(
            **_transport_options(proxy), event_hooks={"request": [set_headers]}
        ),
        **_client_options(spec, base_url, timeout_s),
    )


async def _read_content(response: Any, limits: OpenAISettings) -> bytes:
    """Return the content of a reply within its limit; files of batches have one of their own.

    Raises:
        PermanentError: the content is larger.
        TransientError: it is not in the encoding that the server named.
    """
    is_file = response.request.url.path.endswith(_FILE_PATH_END)
    setting = "max_batch_mb" if is_file else "max_reply_mb"
    body = ReplyBody(
        response.headers.get("Content-Encoding", ""),
        limit_mb=getattr(limits, setting) if response.is_success else MAX_REFUSAL_MB,
        setting=setting,
        cuts=not response.is_success,
    )
    async for chunk in response.aiter_raw():
        body.add(chunk)
        if not response.is_success and body.is_full:
            break
    return body.finish()


def translate_error(error: openai.OpenAIError, scrubber: Scrubber) -> BackendError:
    """Return an error of the package as one of ours, without its cause.

    Args:
        error: the error.
        scrubber: removes what must not be shown, such as the key.
    """
    import openai

    if isinstance(error, openai.APIStatusError):
        reply = error.response
        said = summarize_error_reply(scrub_reply(scrubber, reply.content), None)
        failure = make_http_error(reply.status_code, reply.headers, said)
        scrubber.scrub_error(failure)
        return failure
    cause = error.__cause__ or error
    if isinstance(cause, BackendError):
        return cause  # of our own limits
    if isinstance(error, openai.APITimeoutError):
        return TransientError(_LATE, reason="timeout")
    words = scrubber.scrub(str(cause) or type(cause).__name__)
    if not isinstance(error, openai.APIConnectionError):
        return TransientError(words, reason="bad_reply")
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return make_certificate_error(words)
    return TransientError(f"the connection failed: {words}", reason="connection")


def _client_options(spec: ModelSpec, base_url: str, timeout_s: float) -> dict[str, Any]:
    settings = get_openai_settings(spec)
    parts = urlsplit(base_url)
    query = dict(parse_qsl(parts.query))
    url = parts._replace(path=parts.path.rstrip("/"), query="").geturl()
    if settings.api_version:
        query["api-version"] = settings.api_version
    return {
        "base_url": f"{url}/openai" if settings.api_version else url,
        "default_query": query,
        "api_key": _NO_KEY,  # the right headers are set at the last moment
        "timeout": timeout_s,
        "max_retries": 0,  # the waits between attempts are ours
    }


def _transport_options(proxy: str | None) -> dict[str, Any]:
    return {
        "proxy": proxy,
        "trust_env": False,  # it would read passwords from ~/.netrc
        "follow_redirects": False,
        "verify": ssl.create_default_context(),
    }


def _set_headers(request: Any, own: dict[str, str]) -> None:
    """Replace the headers that the package made from the environment by ours."""
    for name in (*_KEY_FIELDS, *_ACCOUNT_FIELDS):
        request.headers.pop(name, None)
    request.headers["Accept-Encoding"] = ACCEPTED_ENCODINGS
    request.headers.update(own)
