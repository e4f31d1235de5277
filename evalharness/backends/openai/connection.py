"""Send HTTP requests to a model's servers, and translate failures into errors of this package."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from evalharness.backends.openai.azure_tokens import find_token_provider
from evalharness.backends.openai.error_reply import (
    make_certificate_error,
    make_http_error,
    scrub_reply,
    summarize_error,
    summarize_error_reply,
)
from evalharness.backends.openai.replies.body import (
    ACCEPTED_ENCODINGS,
    MAX_REFUSAL_MB,
    ReplyBody,
)
from evalharness.backends.openai.request_headers import build_request_headers, list_secrets
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.backends.scrubber import Scrubber
from evalharness.errors import BackendError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalharness.domain import ModelSpec

_SUCCESSES = range(200, 300)
_CONNECT_TIMEOUT_S = 10.0


class ServerConnection:
    """Sends requests with the model's API key, and removes the key from all replies and errors."""

    def __init__(self, spec: ModelSpec, key: str | None) -> None:
        self._spec = spec
        self._headers = build_request_headers(spec, key)
        self.scrubber = Scrubber(list_secrets(spec, key))
        self._timeout = timeout(get_openai_settings(spec).timeout_s)
        self._max_reply_mb = get_openai_settings(spec).max_reply_mb
        self._session: aiohttp.ClientSession | None = None
        self._find_token = find_token_provider(spec) if key is None else None

    async def send(
        self,
        url: str,
        *,
        method: str = "POST",
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        within: aiohttp.ClientTimeout | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return the status, headers and content of the reply.

        Raises:
            TransientError: there was no complete reply.
            PermanentError: the server's certificate cannot be verified, or the reply is too large.
        """
        limit = within or self._timeout
        if self._find_token is not None:
            headers = {**(headers or {}), **await self._build_login_header(self._find_token)}
        try:
            async with self._opened().request(
                method,
                url,
                data=data,
                headers=headers,
                proxy=proxy,
                allow_redirects=False,
                timeout=limit,
            ) as response:
                return response.status, response.headers, await self._read_body(response)
        except aiohttp.ConnectionTimeoutError as error:
            message = f"the connection failed: {error}"
            raise TransientError(message, reason="connection") from None
        except TimeoutError as error:
            message = str(error) or f"no whole reply within {limit.total:.3g} s"
            raise TransientError(message, reason="timeout") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise make_certificate_error(self.scrubbed(str(error))) from None
        except aiohttp.ClientError as error:
            words = summarize_error(self.scrubbed(str(error) or type(error).__name__))
            message = f"the connection failed: {words}"
            # Without the cause, whose repr may contain the headers of the request and so the key.
            raise TransientError(message, reason="connection") from None

    async def _read_body(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the body of a reply within its limit; the words of a refusal are cut at theirs.

        Raises:
            PermanentError: the body is larger than the limit.
            TransientError: the body is not in the encoding that the server named.
        """
        most, is_refusal = self._max_reply_mb, not is_success(response.status)
        body = ReplyBody(
            response.headers.get("Content-Encoding", ""),
            min(most, MAX_REFUSAL_MB) if is_refusal else most,
            f"models.{self._spec.name}.max_reply_mb",
            cuts=is_refusal,
        )
        async for chunk in response.content.iter_any():
            body.add(chunk)
            if is_refusal and body.is_full:
                break
        return body.finish()

    async def _build_login_header(self, find_token: Callable[[], str]) -> dict[str, str]:
        """Return the header with a token of the user's login.

        Raises:
            PermanentError: there is none.
        """
        try:
            token = await asyncio.to_thread(find_token)
        except Exception as error:  # noqa: BLE001 - the edge: the login may fail in any way
            message = f"no token of Azure's Active Directory: {str(error).partition(chr(10))[0]}"
            raise PermanentError(message, reason="azure_login") from None
        self.scrubber.add(token)
        return {"Authorization": f"Bearer {token}"}

    def refusal(self, status: int, headers: Mapping[str, str], content: bytes) -> BackendError:
        """Return the error for a status that is no success, with a remedy if there is one."""
        error = make_http_error(status, headers, self.words(content))
        error.args = (self.scrubbed(str(error)) + self._remedy(status),)
        return error

    def words(self, content: bytes) -> str:
        """Return a server's message in one line and without secrets."""
        return summarize_error_reply(self.scrub_content(content), None)

    def scrub_content(self, content: bytes) -> bytes:
        """Return a server's reply with the key and secret headers removed."""
        return scrub_reply(self.scrubber, content)

    def scrubbed(self, text: str) -> str:
        """Return a text with the key and secret headers removed."""
        return self.scrubber.scrub(text)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session, which is created late because it needs a running event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # the concurrency limiter is the limit
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": ACCEPTED_ENCODINGS, **self._headers},
                auto_decompress=False,  # it would unpack a part of any size
            )
        return self._session

    def _remedy(self, status: int) -> str:
        name = self._spec.name
        match status:
            case 401 | 403:
                return f"; check the key (models.{name}.api_key_env names its variable)"
            case 404:
                return f"; check models.{name}.base_url and models.{name}.api_name"
        return ""


def is_success(status: int) -> bool:
    """Whether a status is one of success; some servers send others than 200."""
    return status in _SUCCESSES


def timeout(seconds: float) -> aiohttp.ClientTimeout:
    """Return the timeout of a whole request; connecting has a shorter one."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_TIMEOUT_S)
