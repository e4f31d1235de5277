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
from evalharness.backends.openai.error_reply import make_http_error, summarize_error_reply
from evalharness.backends.openai.request_headers import build_request_headers
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.errors import BackendError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openai

    from evalharness.domain import ModelSpec

_NO_KEY = "none"  # the package insists on a key
_ACCOUNT_FIELDS = ("OpenAI-Organization", "OpenAI-Project")
_KEY_FIELDS = ("Authorization", "api-key")


def open_client(
    spec: ModelSpec, base_url: str, *, key: str | None, proxy: str | None, timeout_s: float
) -> openai.OpenAI:
    """Return a client of one of a model's servers; it makes a single attempt at each request.

    Args:
        spec: the model.
        base_url: the server.
        key: the server's key, or None.
        proxy: the proxy of the server, or None.
        timeout_s: of a request.
    """
    import openai

    own = build_request_headers(spec, key)
    find_token = find_token_provider(spec) if key is None else None

    def set_headers(request: Any) -> None:
        _set_headers(request, own)
        if find_token is not None:
            request.headers["Authorization"] = f"Bearer {find_token()}"

    return openai.OpenAI(
        http_client=openai.DefaultHttpxClient(
            **_transport_options(proxy), event_hooks={"request": [set_headers]}
        ),
        **_client_options(spec, base_url, timeout_s),
    )


def open_async_client(
    spec: ModelSpec, base_url: str, *, key: str | None, proxy: str | None, timeout_s: float
) -> openai.AsyncOpenAI:
    """Return an asynchronous client of one of a model's servers, as `open_client` does."""
    import openai

    own = build_request_headers(spec, key)
    find_token = find_token_provider(spec) if key is None else None

    async def set_headers(request: Any) -> None:
        _set_headers(request, own)
        if find_token is not None:
            request.headers["Authorization"] = f"Bearer {await asyncio.to_thread(find_token)}"

    return openai.AsyncOpenAI(
        http_client=openai.DefaultAsyncHttpxClient(
            **_transport_options(proxy), event_hooks={"request": [set_headers]}
        ),
        **_client_options(spec, base_url, timeout_s),
    )


def translate_error(error: openai.OpenAIError, secrets: Sequence[str]) -> BackendError:
    """Return an error of the package as one of ours, without its cause.

    Args:
        error: the error.
        secrets: what must not be shown, such as the key.
    """
    import openai

    if isinstance(error, openai.APIStatusError):
        reply = error.response
        content = reply.content
        for secret in secrets:
            content = content.replace(secret.encode(), b"***")
        said = summarize_error_reply(content, None)
        return make_http_error(reply.status_code, reply.headers, said)
    if isinstance(error, openai.APITimeoutError):
        return TransientError("no whole reply in time", reason="timeout")
    cause = error.__cause__ or error
    words = str(cause) or type(cause).__name__
    for secret in secrets:
        words = words.replace(secret, "***")
    if not isinstance(error, openai.APIConnectionError):
        return TransientError(words, reason="bad_reply")
    if "CERTIFICATE_VERIFY_FAILED" in words:
        message = f"the server cannot be trusted: {words}; SSL_CERT_FILE names your own authority"
        return PermanentError(message, reason="certificate")
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
    request.headers.update(own)
