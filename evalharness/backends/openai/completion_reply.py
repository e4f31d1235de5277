"""Read the completions in replies of OpenAI-compatible servers, without any I/O.

Servers differ in all but the names of the main fields. What is not needed is not checked, so that a
completion that was paid for is not thrown away for the form of a number.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.backends.openai.error_reply import make_http_error, summarize_error
from evalharness.backends.openai.replies.echo_scores import read_continuation_score
from evalharness.backends.openai.replies.message import ReplyMessage, read_message
from evalharness.backends.openai.replies.option_probabilities import (
    AmbiguousOptionError,
    read_option_probabilities,
)
from evalharness.backends.openai.replies.usage import read_usage
from evalharness.domain import BenchmarkRequest, Completion, split_reasoning
from evalharness.errors import BackendError, TransientError

if TYPE_CHECKING:
    from evalharness.domain import Request

_BAD_GATEWAY = 502


class _CompletionChoice(msgspec.Struct):
    message: dict[str, Any] | None = None
    text: str | None = None
    finish_reason: Any = None
    error: Any = None
    logprobs: msgspec.Raw = msgspec.Raw(b"null")


class _CompletionReply(msgspec.Struct):
    choices: list[_CompletionChoice] | None = None
    usage: Any = None
    model: Any = None
    system_fingerprint: Any = None
    error: Any = None

    @property
    def served(self) -> str | None:
        """The model that the server reports."""
        reported = (self.model, self.system_fingerprint)
        return " ".join(each for each in reported if each and isinstance(each, str)) or None


_decode_reply = msgspec.json.Decoder(_CompletionReply).decode


def read_completion(content: bytes, request: Request, *, opened: bool | None = None) -> Completion:
    """Return the completion in a server's reply; a text that is null becomes empty.

    Args:
        content: the body of the reply.
        request: the request.
        opened: whether the prompt ended inside a thought; None where nobody here knows the prompt.

    Raises:
        msgspec.MsgspecError: the content is not a completion.
        BackendError: the reply reports an error of the model's provider, or probabilities were
            requested and are missing.
    """
    reply = _decode_reply(content.removeprefix(BOM_UTF8))
    if not reply.choices and reply.error:
        raise _make_reported_error(reply.error)
    if not reply.choices or (reply.choices[0].message is None and reply.choices[0].text is None):
        msg = "a completion has at least one choice, with a message or a text"
        raise msgspec.ValidationError(msg)
    choice = reply.choices[0]
    finish_reason = _read_finish_reason(choice.finish_reason)
    error = choice.error or (reply.error if _has_words(reply.error) else None)
    if error or finish_reason == "error":
        # Whatever text there is may break off anywhere.
        words = summarize_error(error) if error else "no message"
        msg = f"the server broke off its reply: {words}"
        raise TransientError(msg, reason="error_in_reply")
    message = _read_choice(choice, request, opened=opened)
    usage = read_usage(reply.usage)
    score = read_continuation_score(choice.logprobs, request)
    completion = Completion(
        text=message.text,
        reasoning=message.reasoning,
        finish_reason="refusal" if message.is_refusal else finish_reason,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        log_probability=score[0] if score else None,
        is_likeliest=score[1] if score else None,
        served=reply.served,
    )
    if not request.options:
        return completion
    try:
        found = read_option_probabilities(choice.logprobs, request.options)
    except AmbiguousOptionError as error:
        error.completion = completion
        raise
    return replace(completion, option_probabilities=found)


def _read_choice(
    choice: _CompletionChoice, request: Request, *, opened: bool | None
) -> ReplyMessage:
    """Return the text and the thought of a choice: fields first, else marks in the text."""
    if isinstance(request, BenchmarkRequest):  # its own task decides what to cut
        if choice.message is None:
            return ReplyMessage(text=choice.text or "")
        return read_message(choice.message)
    if choice.message is None:
        # A text continues the prompt, so it usually begins with a space.
        message = ReplyMessage(text=(choice.text or "").strip())
    else:
        message = read_message(choice.message)
    if message.reasoning is not None or message.is_refusal:
        return message
    split = split_reasoning(message.text, opened=opened)
    if split.text is message.text:
        return message
    return ReplyMessage(text=split.text, reasoning=split.reasoning)


def _has_words(error: Any) -> bool:
    """Whether an error beside choices says something; some servers always send an empty one."""
    return bool(
        error.get("message") if isinstance(error, dict) else isinstance(error, str) and error
    )


def _read_finish_reason(reason: Any) -> str | None:
    if isinstance(reason, dict):  # SGLang's own form
        reason = reason.get("type")
    return reason if isinstance(reason, str) else None


def _make_reported_error(error: Any) -> BackendError:
    """Return the error that a reply of status 200 reports in the place of a completion."""
    words = summarize_error(error)
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, int) or not 400 <= code < 600:  # noqa: PLR2004 - HTTP's errors
        code = _BAD_GATEWAY
    return make_http_error(code, {}, words)
