"""Translate requests into those of OpenAI's Responses API, and its replies into completions.

Some models are served by this interface only. Nothing is stored at the server (`store: false`), and
every request has its whole conversation.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.openai.replies.option_probabilities import (
    AmbiguousOptionError,
    option_probabilities,
)
from evalharness.backends.openai.replies.usage import read_usage
from evalharness.domain import Completion, Role
from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import Request

_MIN_OUTPUT_TOKENS = 16  # the API refuses fewer
_NEW_NAMES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
_FINISH_REASONS = {"max_output_tokens": "length"}
_LOGPROBS = "message.output_text.logprobs"
_LEFT_OUT = {"seed", "stop", "logprobs"}  # the API has no such fields


class _TopLogprob(msgspec.Struct):
    token: str
    logprob: float


class _TokenLogprobs(msgspec.Struct):
    top_logprobs: list[_TopLogprob] = []


class _OutputPart(msgspec.Struct):
    """A part of an output item: a text, a summary of a thought, or a refusal."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    logprobs: list[_TokenLogprobs] | None = None


class _OutputItem(msgspec.Struct):
    """An item of the output: a message or a thought."""

    type: str = ""
    content: list[_OutputPart] | None = None
    summary: list[_OutputPart] | None = None


class _IncompleteDetails(msgspec.Struct):
    reason: str | None = None


class _ResponseFailure(msgspec.Struct):
    message: str = ""
    code: str | None = None


class _ResponseReply(msgspec.Struct):
    output: list[_OutputItem]
    status: str = "completed"
    error: _ResponseFailure | None = None
    incomplete_details: _IncompleteDetails | None = None
    model: str | None = None
    usage: Any = None


_decode_reply = msgspec.json.Decoder(_ResponseReply).decode


def convert_to_responses_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a chat request as one of the Responses API.

    Args:
        body: the body of a chat request. The API has neither a seed nor stop texts, so they are not
            sent.
    """
    converted = {
        _NEW_NAMES.get(name, name): value
        for name, value in body.items()
        if name not in {"messages", "response_format", "reasoning_effort"} | _LEFT_OUT
    }
    if "max_output_tokens" in converted:
        converted["max_output_tokens"] = max(converted["max_output_tokens"], _MIN_OUTPUT_TOKENS)
    messages = list(body.get("messages", ()))
    if messages and messages[0]["role"] == Role.SYSTEM:
        converted["instructions"] = messages.pop(0)["content"]
    converted["input"] = messages or body.get("prompt", "")
    converted.pop("prompt", None)
    if "response_format" in body:
        converted["text"] = {"format": _flatten_format(body["response_format"])}
    if "reasoning_effort" in body:
        converted["reasoning"] = {"effort": body["reasoning_effort"]}
    if "top_logprobs" in body:
        converted["include"] = [_LOGPROBS]
    return {**converted, "store": False}


def read_response(content: bytes, request: Request) -> Completion:
    """Return the completion in a reply of the Responses API.

    Raises:
        msgspec.MsgspecError: the content is not such a reply.
        PermanentError: the response failed, or probabilities were requested and are missing.
    """
    reply = _decode_reply(content.removeprefix(BOM_UTF8))
    if reply.status in ("failed", "cancelled"):
        failure = reply.error or _ResponseFailure()
        words = f"the response {reply.status}: {failure.message or 'without a reason'}"
        raise PermanentError(words, reason=f"response_{failure.code or reply.status}")
    messages = [item for item in reply.output if item.type == "message"]
    parts = [part for item in messages for part in item.content or ()]
    usage = read_usage(reply.usage)
    completion = Completion(
        text="".join(part.text or part.refusal or "" for part in parts),
        reasoning="\n\n".join(_iterate_thoughts(reply)) or None,
        finish_reason=_finish_reason(reply, parts),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        served=reply.model,
    )
    if not request.options:
        return completion
    try:
        return replace(completion, option_probabilities=_read_options(parts, request))
    except AmbiguousOptionError as error:
        error.completion = completion
        raise


def _flatten_format(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chat request's response format as the Responses API has it."""
    return {"type": form["type"], **form.get("json_schema", {})}


def _finish_reason(reply: _ResponseReply, parts: list[_OutputPart]) -> str:
    if reply.status == "incomplete":
        reason = reply.incomplete_details.reason if reply.incomplete_details else None
        return _FINISH_REASONS.get(reason or "", reason or "incomplete")
    if any(part.type == "refusal" for part in parts):
        return "refusal"
    return "stop" if reply.status == "completed" else reply.status


def _iterate_thoughts(reply: _ResponseReply) -> Iterator[str]:
    """Yield the texts of thoughts: the whole where a server sends it, else its summary."""
    for item in reply.output:
        if item.type == "reasoning":
            yield from (part.text for part in item.content or item.summary or () if part.text)


def _read_options(parts: list[_OutputPart], request: Request) -> tuple[float, ...]:
    for part in parts:
        if part.logprobs and part.logprobs[0].top_logprobs:
            tokens = [(top.token, top.logprob) for top in part.logprobs[0].top_logprobs]
            return option_probabilities(request.options, tokens)
    msg = (
        "the server sent no token probabilities; judge with reading=text, "
        "or ask a server that has them"
    )
    raise PermanentError(msg, reason="no_logprobs")
