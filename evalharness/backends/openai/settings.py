"""The settings of models behind OpenAI-compatible servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from evalharness.backends.openai.address_check import check_server_address
from evalharness.backends.openai.replies.limits import (
    MAX_BATCH_MB,
    MAX_REPLY_MB,
    MAX_REPLY_NESTING,
    MAX_REPLY_TOKENS,
)
from evalharness.domain import (
    NOT_IN_IDENTITY,
    NOT_IN_NAMES,
    require_above_zero,
    require_at_least,
    require_one_of,
)

if TYPE_CHECKING:
    from evalharness.domain import ModelSpec

ENDPOINTS = ("chat", "completions", "responses")
RESPONSE_FORMATS = ("json_schema", "json_object", "text")
MAX_TOP_LOGPROBS = 20  # the maximum of OpenAI's chat endpoint, and of vLLM by default


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISettings:
    """Where a model's servers are, and how long they are waited for.

    Attributes:
        base_url: the servers of this model; none stands for OpenAI itself.
        endpoint: `chat`, `completions`, or `responses` for OpenAI's Responses API.
        api_name: what the server calls the model; None takes the model's name.
        api_version: of Azure.
        reasoning_effort: how long the model thinks, in the server's words (`none`, `low`, ...).
        extra_body: more fields of a request's body, beside ours or in their place.
        headers: more headers of a request. A secret comes from `${oc.env:NAME}`.
        top_logprobs: how many token probabilities are requested; None means 20, or fewer where the
            server says that it allows fewer.
        response_format: how a reply in JSON is requested: `json_schema`, `json_object` or `text`;
            None means the first of these that the server takes.
        api_key_env: the environment variable that holds the key; never the key. An empty name: no key.
        timeout_s: of an attempt.
        total_timeout_s: of a call with all its attempts and the waits between them.
        max_attempts: of a call.
        give_up_after: calls in a row that failed alike, after which no more are made.
        max_reply_mb: the most MiB of a reply, after it is unpacked.
        max_batch_mb: the most MiB of the file of a batch's replies.
        max_reply_nesting: how many brackets may be open at one place of a reply.
        max_reply_tokens: the largest count of tokens in a reply that is believed.
    """

    base_url: tuple[str, ...] = ()
    endpoint: str = "chat"
    api_name: str | None = None
    api_version: str | None = None
    reasoning_effort: str | None = None
    extra_body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    top_logprobs: int | None = None
    response_format: str | None = None
    api_key_env: str | None = field(default=None, metadata=NOT_IN_IDENTITY)
    timeout_s: float = field(default=600.0, metadata=NOT_IN_IDENTITY)
    total_timeout_s: float = field(default=1800.0, metadata=NOT_IN_IDENTITY)
    max_attempts: int = field(default=8, metadata=NOT_IN_IDENTITY)
    give_up_after: int = field(default=8, metadata=NOT_IN_IDENTITY)
    max_reply_mb: float = field(default=MAX_REPLY_MB, metadata=NOT_IN_NAMES)
    max_batch_mb: float = field(default=MAX_BATCH_MB, metadata=NOT_IN_NAMES)
    max_reply_nesting: int = field(default=MAX_REPLY_NESTING, metadata=NOT_IN_NAMES)
    max_reply_tokens: int = field(default=MAX_REPLY_TOKENS, metadata=NOT_IN_NAMES)


def get_openai_settings(spec: ModelSpec) -> OpenAISettings:
    """Return the settings of a model behind a server; the defaults where it has none."""
    return OpenAISettings() if spec.settings is None else cast("OpenAISettings", spec.settings)


def check_openai_settings(settings: OpenAISettings, place: str) -> None:
    """Refuse values that are out of their range.

    Raises:
        ConfigError: with the place and what is allowed.
    """
    require_one_of(settings.endpoint, ENDPOINTS, f"{place}.endpoint")
    if settings.response_format is not None:
        require_one_of(settings.response_format, RESPONSE_FORMATS, f"{place}.response_format")
    if settings.top_logprobs is not None:
        require_at_least(settings.top_logprobs, 1, f"{place}.top_logprobs")
    for name in ("max_attempts", "give_up_after", "max_reply_nesting", "max_reply_tokens"):
        require_at_least(getattr(settings, name), 1, f"{place}.{name}")
    for name in ("timeout_s", "total_timeout_s", "max_reply_mb", "max_batch_mb"):
        require_above_zero(getattr(settings, name), f"{place}.{name}")
    for address in settings.base_url:
        check_server_address(address, f"{place}.base_url")
