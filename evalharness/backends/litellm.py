"""The backend `litellm`: models that speak no OpenAI protocol (Bedrock, Vertex, Anthropic's own API).

    backend: litellm
    api_name: bedrock/anthropic.claude-sonnet-5-5    # as LiteLLM names the model

The package `litellm` (`pip install evalharness[litellm]`) translates requests and replies, and reads
each provider's keys from the environment. It asks once; waits and further attempts are ours. A
parameter that a provider does not take is learned like a server's refusal, and is not dropped.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.definition import BackendDefinition
from evalharness.backends.litellm_address import find_address
from evalharness.backends.openai.address_check import check_server_address
from evalharness.backends.openai.settings import OpenAISettings
from evalharness.backends.scrubber import Scrubber
from evalharness.backends.stoppable_backend import mark_in_flight
from evalharness.domain import NOT_IN_IDENTITY, require_above_zero, require_at_least
from evalharness.errors import BackendError, ConfigError, ContextLengthError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from evalharness.backends.openai.refusals.learned_rules import FirstCall, LearnedRules
    from evalharness.domain import Backend, Completion, ModelSpec, Request

_FIRST_TOKEN_S, _TOKENS_PER_SECOND = 0.5, 60.0
_NO_KEY, _INSTALL = "none", "pip install 'evalharness[litellm]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteLLMSettings:
    """Which model LiteLLM is asked for, and how long it is waited for.

    Attributes:
        api_name: the model as LiteLLM names it, `PROVIDER/MODEL`; None takes the model's name.
        api_base: the address of the provider; None takes LiteLLM's.
        reasoning_effort: how long the model thinks, in the provider's words.
        extra_body: more arguments of a request, such as `thinking`.
        headers: more headers of a request. A secret comes from `${oc.env:NAME}`.
        api_key_env: the environment variable that holds the key; None leaves it to LiteLLM, which
            knows each provider's variables.
        timeout_s: of an attempt.
        total_timeout_s: of a call with all its attempts and the waits between them.
        max_attempts: of a call.
        give_up_after: calls in a row that failed alike, after which no more are made.
    """

    api_name: str | None = None
    api_base: str | None = None
    reasoning_effort: str | None = None
    extra_body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    api_key_env: str | None = field(default=None, metadata=NOT_IN_IDENTITY)
    timeout_s: float = field(default=600.0, metadata=NOT_IN_IDENTITY)
    total_timeout_s: float = field(default=1800.0, metadata=NOT_IN_IDENTITY)
    max_attempts: int = field(default=8, metadata=NOT_IN_IDENTITY)
    give_up_after: int = field(default=8, metadata=NOT_IN_IDENTITY)


def check_litellm_settings(settings: LiteLLMSettings, place: str) -> None:
    """Refuse values that are out of their range.

    Raises:
        ConfigError: with the place and what is allowed.
    """
    for name in ("max_attempts", "give_up_after"):
        require_at_least(getattr(settings, name), 1, f"{place}.{name}")
    for name in ("timeout_s", "total_timeout_s"):
        require_above_zero(getattr(settings, name), f"{place}.{name}")
    if settings.api_base:
        check_server_address(settings.api_base, f"{place}.api_base")


def explain_missing(spec: ModelSpec) -> str | None:
    """Return what prevents calls: the package, or the key that the settings name."""
    if importlib.util.find_spec("litellm") is None:
        return f"the package litellm is not installed; {_INSTALL}"
    variable = _get_settings(spec).api_key_env
    if variable and not os.environ.get(variable, "").strip():
        return f"{variable} is not set; models.{spec.name} needs it in the environment"
    return None


def estimate_call_s(_spec: ModelSpec, completion_tokens: float) -> float:
    """Return the seconds that a call with so many completion tokens usually takes."""
    return _FIRST_TOKEN_S + completion_tokens / _TOKENS_PER_SECOND


def list_key_variables(spec: ModelSpec) -> tuple[str, ...]:
    """Return the variables that hold the model's key and secret headers, as the settings name them."""
    from evalharness.backends.openai.request_headers import list_header_variables

    settings = _get_settings(spec)
    key = (settings.api_key_env,) if settings.api_key_env else ()
    return (*key, *list_header_variables(settings.headers))


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
        sleep: waits before a request is made.
        clock: returns the time in seconds, including the time in `sleep`.
        rules: what the servers of the run are known to refuse; None shares nothing.

    Raises:
        ConfigError: the package is not installed, or a key is not in the environment.
    """
    if problem := explain_missing(spec):
        raise ConfigError(problem)
    return LiteLLMBackend(spec, sleep=sleep, clock=clock, rules=rules)


def _connect_with_rules(
    spec: ModelSpec, rules: LearnedRules, *, journal: Path | None = None
) -> Backend:
    del journal  # of batches, which there are none
    return connect(spec, rules=rules)


class LiteLLMBackend:
    """A model that is asked through LiteLLM."""

    def __init__(
        self,
        spec: ModelSpec,
        *,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        rules: LearnedRules | None = None,
    ) -> None:
        """Prepare for calls, and import the package."""
        from evalharness.backends.openai.circuit_breaker import CircuitBreaker
        from evalharness.backends.openai.concurrency_limiter import ConcurrencyLimiter
        from evalharness.backends.openai.refusals.learned_rules import LearnedRules as Rules
        from evalharness.backends.openai.replies.reader import choose_reader

        self._settings = _get_settings(spec)
        self._package = _import_package()
        built_as = _describe_as_openai(spec, self._settings)
        self._rules = (rules or Rules()).open(spec, built_as=built_as)
        self._read = choose_reader(built_as, Scrubber())
        self._options = _list_options(self._settings)
        self._breaker = CircuitBreaker(self._settings.give_up_after)
        self._concurrency = ConcurrencyLimiter(spec.max_concurrency)
        self._sleep = sleep
        self._clock = clock

    async def complete(self, request: Request) -> Completion:
        """Return one completion, with retries while they may succeed."""
        with await self._rules.take_turn(request) as turn:
            self._breaker.raise_if_open()
            await self._concurrency.acquire(continues=request.continues)
            try:
                return await self._complete(request, turn)
            finally:
                self._concurrency.release()

    async def close(self) -> None:
        """Close nothing: the package keeps its connections."""

    async def _complete(self, request: Request, turn: FirstCall) -> Completion:
        from evalharness.backends.openai.backoff import draw_backoff_s

        deadline, attempts = self._clock() + self._settings.total_timeout_s, 0
        while True:
            self._breaker.raise_if_open()
            body = self._rules.build_body(request)
            attempts += 1
            try:
                completion = await self._ask(body, request)
            except BackendError as error:
                if self._has_learned(error, body, request):
                    attempts -= 1
                    continue
                turn.settle()
                error.attempts = attempts
                wait_s = draw_backoff_s(error) if attempts < self._settings.max_attempts else None
                if wait_s is None or self._clock() + wait_s >= deadline:
                    self._breaker.record_failure(error)
                    raise
                await self._sleep(wait_s)
            else:
                turn.settle()
                self._breaker.record_success()
                return replace(completion, attempts=attempts)

    async def _ask(self, body: Mapping[str, Any], request: Request) -> Completion:
        from evalharness.backends.openai.request_body import list_sent_fields

        began = time.perf_counter()
        try:
            with mark_in_flight():
                reply = await self._package.acompletion(**body, **self._options)
        except Exception as error:  # noqa: BLE001 - the edge: a provider's package raises anything
            raise self._translate(error) from None
        try:
            completion = self._read(reply.model_dump_json().encode(), request)
        except msgspec.MsgspecError as error:
            message = f"not a completion: {error}"
            raise TransientError(message, reason="bad_reply") from None
        seconds = time.perf_counter() - began
        return replace(completion, seconds=seconds, sent=list_sent_fields(body))

    def _translate(self, error: Exception) -> BackendError:
        """Return an error of the package as one of ours."""
        from evalharness.backends.openai.error_reply import make_http_error, summarize_error

        words = summarize_error(str(error).partition("\n\n")[0])
        if isinstance(error, self._package.ContextWindowExceededError):
            return ContextLengthError(words)
        if isinstance(error, self._package.Timeout):
            return TransientError(words, reason="timeout")
        if isinstance(error, self._package.APIConnectionError):
            return TransientError(words, reason="connection")
        status = getattr(error, "status_code", None)
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        return make_http_error(status if isinstance(status, int) else 500, headers, words)

    def _has_learned(self, error: BackendError, body: Mapping[str, Any], request: Request) -> bool:
        """Whether a refusal taught what to leave out, so that the next request is another one."""
        if error.reason not in ("http_400", "http_422"):
            return False
        content = msgspec.json.encode({"error": {"message": str(error)}})
        return self._rules.learn(int(error.reason.removeprefix("http_")), content, body, request)


def _get_settings(spec: ModelSpec) -> LiteLLMSettings:
    return spec.settings if isinstance(spec.settings, LiteLLMSettings) else LiteLLMSettings()


def _import_package() -> Any:
    """Return the package, which sends no telemetry and fetches no list of prices."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # read when it is imported
    import litellm

    litellm.telemetry = False
    litellm.drop_params = False
    litellm.suppress_debug_info = True
    return litellm


def _describe_as_openai(spec: ModelSpec, settings: LiteLLMSettings) -> ModelSpec:
    """Return the model as one behind a chat endpoint, whose requests the package takes."""
    own = OpenAISettings(
        base_url=(settings.api_base,) if settings.api_base else (),
        api_name=settings.api_name,
        reasoning_effort=settings.reasoning_effort,
        extra_body=settings.extra_body,
    )
    return replace(spec, settings=own)


def _list_options(settings: LiteLLMSettings) -> dict[str, Any]:
    """Return the arguments of every call besides the request."""
    from evalharness.backends.openai.request_headers import fill_headers

    options: dict[str, Any] = {
        "timeout": settings.timeout_s,
        "num_retries": 0,
        "max_retries": 0,
        "extra_headers": fill_headers(settings.headers),
    }
    if settings.api_base:
        # A provider's key from the environment is not for another address.
        options |= {"api_base": settings.api_base, "api_key": _NO_KEY}
    if settings.api_key_env:
        options["api_key"] = os.environ.get(settings.api_key_env, "").strip()
    return options


BACKEND = BackendDefinition(
    connect=connect,
    settings=LiteLLMSettings,
    check_settings=check_litellm_settings,
    explain_missing=explain_missing,
    estimate_call_s=estimate_call_s,
    connect_with_rules=_connect_with_rules,
    list_key_variables=list_key_variables,
    find_address=find_address,
)
