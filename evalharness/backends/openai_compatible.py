"""The backend `openai_compatible`: models behind chat or completions endpoints, Azure included.

    backend: openai_compatible
    base_url: http://127.0.0.1:8000/v1    # one or several; none means OpenAI itself
    endpoint: chat                        # the server applies its own template
    endpoint: completions                 # the prompt is made here, from `template`

A key goes to its own provider only (`openai/server_address.py`): `OPENAI_API_KEY` to OpenAI,
`AZURE_OPENAI_API_KEY` to Azure, and to any other server the key in the variable that `api_key_env`
names. `OPENAI_BASE_URL` moves OpenAI's address; it is no part of the identity of a model. A request's
`prefill` reaches only completions endpoints; chat endpoints have no way to begin the reply.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evalharness.backends.definition import BackendDefinition, ModelAddress
from evalharness.backends.openai.refusals.learned_rules import LearnedRules
from evalharness.backends.openai.request_headers import list_header_problems, list_header_variables
from evalharness.backends.openai.served_models import list_served_models
from evalharness.backends.openai.server_address import (
    OPENAI_URL,
    find_key,
    find_proxy,
    hide_password,
    hide_secrets,
    is_private,
    list_address_problems,
    list_key_variables,
    list_server_urls,
)
from evalharness.backends.openai.settings import (
    ENDPOINTS,
    OpenAISettings,
    check_openai_settings,
    get_openai_settings,
)
from evalharness.domain import TOKENIZER_TEMPLATE, ModelAccess
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from evalharness.backends.openai.client import OpenAIClient
    from evalharness.domain import Backend, ModelSpec

# An endpoint of 2024: half a second to the first token, then 60 tokens a second.
_FIRST_TOKEN_S = 0.5
_TOKENS_PER_SECOND = 60.0
_OPENAI_MAX_STOPS = 4
_PROBE_TIMEOUT_S = 1.0


def explain_missing(spec: ModelSpec) -> str | None:
    """Return what prevents calls: a wrong setting, no key, or no server at an address."""
    silences = filter(None, map(_find_unreachable, list_server_urls(spec)))
    return next(chain(_find_setting_problems(spec), silences), None)


def find_benchmark_access(spec: ModelSpec) -> ModelAccess:
    """Return log probabilities for completions endpoints, and text alone for chat endpoints."""
    is_text = get_openai_settings(spec).endpoint == "completions"
    return ModelAccess.LOGPROBS if is_text else ModelAccess.TEXT


def estimate_call_s(_spec: ModelSpec, completion_tokens: float) -> float:
    """Return the seconds that a call with so many completion tokens usually takes."""
    return _FIRST_TOKEN_S + completion_tokens / _TOKENS_PER_SECOND


def _list_secret_variables(spec: ModelSpec) -> tuple[str, ...]:
    """Return the variables that may hold the model's key, or a secret header."""
    own = list_header_variables(get_openai_settings(spec).headers)
    return (*list_key_variables(spec), *own)


def find_address(spec: ModelSpec) -> ModelAddress:
    """Return the addresses of a model's servers, and what they call the model."""
    urls = list_server_urls(spec)
    name = get_openai_settings(spec).api_name or spec.name
    shown = tuple(map(hide_secrets, urls))
    return ModelAddress(urls=shown, name=name, is_private=all(map(is_private, urls)))


def _describe(spec: ModelSpec) -> str:
    return f"a {get_openai_settings(spec).endpoint} endpoint"


def connect(
    spec: ModelSpec,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
    rules: LearnedRules | None = None,
) -> Backend:
    """Return the model, ready for calls.

    Args:
        spec: the model.
        sleep: waits before a request is made; tests pass a function that only records the waits.
        clock: returns the time in seconds, including the time in `sleep`.
        rules: what the servers of the run are known to refuse; None shares nothing.

    Raises:
        ConfigError: a setting is wrong, or the key is not in the environment.
    """
    from evalharness.backends.openai.replies.split_options import SplitOptionBackend

    client = _open_client(spec, rules or LearnedRules(), sleep=sleep, clock=clock)
    return SplitOptionBackend(client, is_text=get_openai_settings(spec).endpoint == "completions")


def connect_batch(
    spec: ModelSpec,
    journal: Path,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    rules: LearnedRules | None = None,
) -> Backend:
    """Return the model, ready for calls through its server's batch endpoint.

    Args:
        spec: the model.
        journal: a file that records what was sent.
        sleep: waits before a server is polled again.
        rules: what the servers of the run are known to refuse; None shares nothing.

    Raises:
        ConfigError: a setting is wrong, or the key is not in the environment.
    """
    from evalharness.backends.openai.batch_api import BatchApi
    from evalharness.backends.openai.batch_backend import BatchBackend

    if problem := next(_find_setting_problems(spec), None):
        raise ConfigError(problem)
    rules = rules or LearnedRules()
    url = list_server_urls(spec)[0]
    api = BatchApi(spec, url, proxy=find_proxy(url), key=find_key(spec), sleep=sleep)
    live = _open_client(spec, rules, sleep=sleep, clock=time.monotonic)
    return BatchBackend(spec, api, journal, live=live, rules=rules.open(spec), sleep=sleep)


def connect_with_rules(
    spec: ModelSpec, rules: LearnedRules, *, journal: Path | None = None
) -> Backend:
    """Return the model, ready for calls, in batches if there is a journal.

    Args:
        spec: the model.
        rules: what the servers of the run are known to refuse.
        journal: a file that records what was sent in batches.

    Raises:
        ConfigError: a setting is wrong, or the key is not in the environment.
    """
    if journal is None:
        return connect(spec, rules=rules)
    return connect_batch(spec, journal, rules=rules)


def _open_client(
    spec: ModelSpec,
    rules: LearnedRules,
    *,
    sleep: Callable[[float], Awaitable[None]],
    clock: Callable[[], float],
) -> OpenAIClient:
    """Return the client of a model's servers.

    Raises:
        ConfigError: a setting is wrong, or the key is not in the environment.
    """
    from evalharness.backends.openai.client import OpenAIClient

    if problem := next(_find_setting_problems(spec), None):
        raise ConfigError(problem)
    proxies = {url: find_proxy(url) for url in list_server_urls(spec)}
    return OpenAIClient(
        spec, proxies=proxies, key=find_key(spec), sleep=sleep, clock=clock, rules=rules.open(spec)
    )


def _find_setting_problems(spec: ModelSpec) -> Iterator[str]:
    """Yield problems of the settings or the environment, without any use of the network."""
    place, settings = f"models.{spec.name}", get_openai_settings(spec)
    if settings.endpoint not in ENDPOINTS:
        yield f"{place}.endpoint is {settings.endpoint!r}; it can be {' or '.join(ENDPOINTS)}"
    if settings.endpoint == "responses" and (spec.stop or spec.sampling.seed is not None):
        name = "stop" if spec.stop else "sampling.seed"
        yield f"{place}.{name} is set, and OpenAI's Responses API has no such field; leave it out"
    if settings.endpoint == "completions" and spec.template in (None, TOKENIZER_TEMPLATE):
        yield f"{place}.endpoint=completions needs the text of a chat template in {place}.template"
    if settings.api_version and not settings.base_url:
        yield f"{place}.api_version is Azure's; set {place}.base_url to your resource's address"
    if not settings.base_url and len(spec.stop) > _OPENAI_MAX_STOPS:
        yield f"{place}.stop has {len(spec.stop)} texts; OpenAI takes {_OPENAI_MAX_STOPS}"
    yield from list_address_problems(spec)
    yield from list_header_problems(spec)


def _find_unreachable(url: str) -> str | None:
    """Return that no server answers, if that is certain; a slow network is not reported."""
    if url == OPENAI_URL or find_proxy(url):
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
            found.append(f"no server answers at {hide_password(url)}: {error.strerror or error}")

    # In a thread, because a name lookup has no timeout.
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(_PROBE_TIMEOUT_S)
    return found[0] if found else None


BACKEND = BackendDefinition(
    connect=connect,
    settings=OpenAISettings,
    check_settings=check_openai_settings,
    explain_missing=explain_missing,
    find_benchmark_access=find_benchmark_access,
    estimate_call_s=estimate_call_s,
    connect_batch=connect_batch,
    connect_with_rules=connect_with_rules,
    list_key_variables=_list_secret_variables,
    describe=_describe,
    find_address=find_address,
    list_served_models=list_served_models,
)
