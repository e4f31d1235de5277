"""Read the completions in replies of OpenAI-compatible servers, without any I/O."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from evalharness.backends.openai.echo_scores import read_continuation_score
from evalharness.domain import Completion
from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Request


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
