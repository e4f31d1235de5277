"""Build the requests of OpenAI-compatible servers and read their replies, without any I/O."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.chat_template import render_chat_template
from evalharness.backends.openai.echo_scores import build_benchmark_fields, read_continuation_score
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.domain import BenchmarkRequest, Completion
from evalharness.errors import ContextLengthError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import ModelSpec, Request, Sampling
    from evalharness.errors import BackendError

MAX_TOP_LOGPROBS = 20  # the maximum of OpenAI's chat endpoint, and of vLLM by default
MAX_RETRY_AFTER_S = 60.0
_MAX_QUOTED_CHARACTERS = 300
_RETRYABLE_STATUSES = (408, 409, 429)
_CONTEXT_LENGTH_MESSAGE = re.compile(
    r"context[ _](length|window|size)|(prompt|input) is too long|max_model_len|`inputs` tokens",
    re.IGNORECASE,
)


def build_request_url(spec: ModelSpec, base_url: str) -> str:
    """Return the URL of a model's requests."""
    base, settings = base_url.rstrip("/"), get_openai_settings(spec)
    path = "completions" if settings.endpoint == "completions" else "chat/completions"
    if settings.api_version is None:
        return f"{base}/{path}"
    deployment = f"{base}/openai/deployments/{settings.api_name or spec.name}"
    return f"{deployment}/{path}?api-version={settings.api_version}"


def build_batch_url(spec: ModelSpec, base_url: str, path: str) -> str:
    """Return the URL of a path below the files or batches of a server."""
    base, settings = base_url.rstrip("/"), get_openai_settings(spec)
    if settings.api_version is None:
        return f"{base}/{path}"
    return f"{base}/openai/{path}?api-version={settings.api_version}"


def build_batch_endpoint(spec: ModelSpec) -> str:
    """Return the endpoint of the requests in a batch."""
    settings = get_openai_settings(spec)
    path = "completions" if settings.endpoint == "completions" else "chat/completions"
    return f"/v1/{path}" if settings.api_version is None else f"/{path}"


def build_request_body(spec: ModelSpec, request: Request) -> dict[str, Any]:
    """Return the body of a request.

    All stop texts are sent. A server that accepts fewer refuses the request with a message; if some
    were left out, the text could run past them unnoticed.
    """
    settings = get_openai_settings(spec)
    content = {"model": settings.api_name or spec.name, **_build_sampling_fields(request.sampling)}
    if isinstance(request, BenchmarkRequest) and request.prompt is not None:
        pass  # a prompt that is sent unchanged
    elif settings.endpoint == "completions":
        # The server adds the token that begins a text (BOS) itself, so the prompt has none.
        prompt = render_chat_template(spec.template or "", request.messages)
        content["prompt"] = prompt + request.prefill
    else:
        content["messages"] = [
            {"role": message.role, "content": message.content} for message in request.messages
        ]
        if request.schema is not None:
            content["response_format"] = _build_response_format(request.schema)
    if isinstance(request, BenchmarkRequest):
        return content | build_benchmark_fields(request)
    if not request.options:
        return content | ({"stop": spec.stop} if spec.stop else {})
    if settings.endpoint == "completions":
        return content | {"max_tokens": 1, "logprobs": MAX_TOP_LOGPROBS}
    return content | {"max_tokens": 1, "logprobs": True, "top_logprobs": MAX_TOP_LOGPROBS}


def _build_response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    named = {"name": schema.get("title", "reply"), "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": named}


def _build_sampling_fields(sampling: Sampling) -> dict[str, Any]:
    content: dict[str, Any] = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
    }
    if sampling.top_p is not None:
        content["top_p"] = sampling.top_p
    if sampling.seed is not None:
        content["seed"] = sampling.seed
    return content


class _ChatMessage(msgspec.Struct):
    content: str | None = None


class _CompletionChoice(msgspec.Struct):
    message: _ChatMessage | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = msgspec.Raw(b"null")


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _UsageReply(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _CompletionReply(msgspec.Struct):
    choices: list[_CompletionChoice]
    usage: _UsageReply | None = None
    model: str | None = None
    system_fingerprint: str | None = None

    @property
    def served(self) -> str | None:
        """The model that the server reports."""
        return " ".join(filter(None, (self.model, self.system_fingerprint))) or None


class _TopToken(msgspec.Struct):
    token: str
    logprob: float


class _TokenPosition(msgspec.Struct):
    top_logprobs: list[_TopToken] = []


class _Logprobs(msgspec.Struct):
    """Log probabilities: in `content` (chat) or `top_logprobs` (completions); some servers swap."""

    content: list[_TokenPosition] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


_read_reply = msgspec.json.Decoder(_CompletionReply).decode
_read_logprobs = msgspec.json.Decoder(_Logprobs | None).decode


def read_completion(content: bytes, request: Request) -> Completion:
    """Return the completion in a server's reply; a text that is null becomes empty.

    Raises:
        msgspec.MsgspecError: the content is not a completion.
        PermanentError: probabilities were requested and are missing.
    """
    reply = _read_reply(content)
    if not reply.choices or (reply.choices[0].message is None and reply.choices[0].text is None):
        msg = "a completion has at least one choice, with a message or a text"
        raise msgspec.ValidationError(msg)
    choice = reply.choices[0]
    usage = reply.usage or _UsageReply()
    details = usage.prompt_tokens_details or _PromptDetails()
    told = read_continuation_score(choice.logprobs, request)
    return Completion(
        text=(choice.message.content if choice.message else choice.text) or "",
        finish_reason=choice.finish_reason,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=details.cached_tokens,
        option_probabilities=(
            option_probabilities(request.options, _top_tokens(_read_logprobs(choice.logprobs)))
            if request.options
            else None
        ),
        log_probability=told[0] if told else None,
        is_likeliest=told[1] if told else None,
        served=reply.served,
    )


def _top_tokens(logprobs: _Logprobs | None) -> list[tuple[str, float]]:
    """Return the likeliest first tokens with their log probabilities.

    Raises:
        PermanentError: there are none.
    """
    if logprobs and logprobs.content and logprobs.content[0].top_logprobs:
        return [(top.token, top.logprob) for top in logprobs.content[0].top_logprobs]
    if logprobs and logprobs.top_logprobs and logprobs.top_logprobs[0]:
        return list(logprobs.top_logprobs[0].items())
    msg = (
        "the server sent no token probabilities; judge with reading=text, "
        "or ask a server that has them"
    )
    raise PermanentError(msg, reason="no_logprobs")


def option_probabilities(
    options: Sequence[str], tokens: Sequence[tuple[str, float]]
) -> tuple[float, ...]:
    """Return the probability of each option, as far as the first token shows it.

    A token counts for the option that it equals, else for the only option that it begins. If it
    begins several (1 of `1]]` and `10]]`), the options that a longer token begins belong to that
    token. Spaces before a token are ignored. An option that no token begins has probability 0. The
    probabilities of other tokens belong to no option, so the sum may be below 1.
    """
    probabilities = dict.fromkeys(options, 0.0)
    starts = [(token.lstrip(" ▁Ġ"), logprob) for token, logprob in tokens]
    for start, logprob in starts:
        begun = [option for option in options if start and option.startswith(start)]
        if len(begun) > 1:
            longer = tuple(other for other, _ in starts if len(other) > len(start))
            begun = [option for option in begun if not option.startswith(longer)]
        if start in probabilities:
            begun = [start]
        if len(begun) == 1:
            probabilities[begun[0]] += math.exp(logprob)
    return tuple(probabilities[option] for option in options)


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
