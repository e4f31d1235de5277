"""The backend `openai_compatible`: models behind chat or completions endpoints, Azure included.

    backend: openai_compatible
    base_url: http://127.0.0.1:8000/v1    # one or several; none means OpenAI itself
    endpoint: chat                        # the server applies its own template
    endpoint: completions                 # the prompt is made here, from `template`

`OPENAI_BASE_URL` is not read: the server is part of the identity of a model, so it is part of its
configuration. The key comes from the variable that `api_key_env` names (`OPENAI_API_KEY`, with
`api_version` `AZURE_OPENAI_API_KEY`). A request's `prefill` reaches only completions endpoints;
chat endpoints have no way to begin the reply.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import threading
import time
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from evalharness.backends.definition import BackendDefinition
from evalharness.backends.openai.settings import (
    OpenAISettings,
    check_openai_settings,
    get_openai_settings,
)
from evalharness.domain import TOKENIZER_TEMPLATE, ModelAccess
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from evalharness.domain import Backend, ModelSpec

OPENAI_URL = "https://api.openai.com/v1"
# An endpoint of 2024: half a second to the first token, then 60 tokens a second.
_FIRST_TOKEN_S = 0.5
_TOKENS_PER_SECOND = 60.0
_OPENAI_MAX_STOPS = 4
_PROBE_TIMEOUT_S = 1.0


def explain_missing(spec: ModelSpec) -> str | None:
    """Return what prevents calls: a wrong setting, no key, or no server at an address."""
    silences = filter(None, map(_find_unreachable, _server_urls(spec)))
    return next(chain(_find_setting_problems(spec), silences), None)


def find_benchmark_access(spec: ModelSpec) -> ModelAccess:
    """Return log probabilities for completions endpoints, and text alone for chat endpoints."""
    is_chat = get_openai_settings(spec).endpoint == "chat"
    return ModelAccess.TEXT if is_chat else ModelAccess.LOGPROBS


def estimate_call_s(_spec: ModelSpec, completion_tokens: float) -> float:
    """Return the seconds that a call with so many completion tokens usually takes."""
    return _FIRST_TOKEN_S + completion_tokens / _TOKENS_PER_SECOND


def list_key_variables(spec: ModelSpec) -> tuple[str, ...]:
    """Return the variables that may hold the model's key."""
    named = get_openai_settings(spec).api_key_env
    return (named,) if named else ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")


def _describe(spec: ModelSpec) -> str:
    return f"a {get_openai_settings(spec).endpoint} endpoint"


def connect(
    spec: ModelSpec,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Backend:
    """Return the model, ready for calls.

    Args:
        spec: the model.
        sleep: waits before a request is made; tests pass a function that only records the waits.
        clock: returns the time in seconds, including the time in `sleep`.

    Raises:
        ConfigError: a setting is wrong, or the key is not in the environment.
    """
    from evalharness.backends.openai.client import OpenAIClient

    if problem := next(_find_setting_problems(spec), None):
        raise ConfigError(problem)
    proxies = {url: _proxy(url) for url in _server_urls(spec)}
    return OpenAIClient(spec, proxies=proxies, key=_key(spec), sleep=sleep, clock=clock)


def connect_batch(
    spec: ModelSpec, journal: Path, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Backend:
    """Return the model, ready for calls through its server's batch endpoint.

    Args:
        spec: the model.
        journal: a file that records what was sent.
        sleep: waits before a server is polled again.

    Raises:
        ConfigError: a setting is wrong, or the key is not in the environment.
    """
    from evalharness.backends.openai.batch_api import BatchApi
    from evalharness.backends.openai.batch_backend import BatchBackend

    if problem := next(_find_setting_problems(spec), None):
        raise ConfigError(problem)
    url = _server_urls(spec)[0]
    api = BatchApi(spec, url, proxy=_proxy(url), key=_key(spec), sleep=sleep)
    return BatchBackend(spec, api, journal, sleep=sleep)


def _server_urls(spec: ModelSpec) -> tuple[str, ...]:
    return get_openai_settings(spec).base_url or (OPENAI_URL,)


def _key_name(spec: ModelSpec) -> str:
    settings = get_openai_settings(spec)
    default = "AZURE_OPENAI_API_KEY" if settings.api_version else "OPENAI_API_KEY"
    return settings.api_key_env or default


def _key(spec: ModelSpec) -> str | None:
    return os.environ.get(_key_name(spec), "").strip() or None


def _find_setting_problems(spec: ModelSpec) -> Iterator[str]:
    """Yield problems of the settings or the environment, without any use of the network."""
    place, settings = f"models.{spec.name}", get_openai_settings(spec)
    if settings.endpoint not in ("chat", "completions"):
        yield f"{place}.endpoint is {settings.endpoint!r}; it can be chat or completions"
    if settings.endpoint == "completions" and spec.template in (None, TOKENIZER_TEMPLATE):
        yield f"{place}.endpoint=completions needs the text of a chat template in {place}.template"
    if settings.api_version and not settings.base_url:
        yield f"{place}.api_version is Azure's; set {place}.base_url to your resource's address"
    for url in settings.base_url:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            yield f"{place}.base_url is {_hide_password(url)!r}; it should begin with http:// or https://"
    if not settings.base_url and len(spec.stop) > _OPENAI_MAX_STOPS:
        yield f"{place}.stop has {len(spec.stop)} texts; OpenAI takes {_OPENAI_MAX_STOPS}"
    if _key(spec) is None and (
        settings.api_key_env or not all(map(_is_private, _server_urls(spec)))
    ):
        yield f"{_key_name(spec)} is not set; {place} needs it in the environment"


def _is_private(url: str) -> bool:
    """Whether a URL is on this machine or in its private network, where keys are not usual."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))


def _proxy(url: str) -> str | None:
    """Return the proxy of a URL by the environment, or None.

    aiohttp could read the environment itself, but would take passwords from ~/.netrc as well.
    """
    host = urlsplit(url).hostname or ""
    if _is_private(url) or proxy_bypass(host):
        return None
    return getproxies().get(urlsplit(url).scheme)


def _find_unreachable(url: str) -> str | None:
    """Return that no server answers, if that is certain; a slow network is not reported."""
    if url == OPENAI_URL or _proxy(url):
        return None
    found: list[str] = []

    def look() -> None:
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        try:
            socket.create_connection(address, timeout=_PROBE_TIMEOUT_S).close()
        except TimeoutError:
            pass
        except OSError as error:
            found.append(f"no server answers at {_hide_password(url)}: {error.strerror or error}")

    # In a thread, because a name lookup has no timeout.
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(_PROBE_TIMEOUT_S)
    return found[0] if found else None


def _hide_password(url: str) -> str:
    """Return a URL without a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


BACKEND = BackendDefinition(
    connect=connect,
    settings=OpenAISettings,
    check_settings=check_openai_settings,
    explain_missing=explain_missing,
    find_benchmark_access=find_benchmark_access,
    estimate_call_s=estimate_call_s,
    connect_batch=connect_batch,
    list_key_variables=list_key_variables,
    describe=_describe,
)
