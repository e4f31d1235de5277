"""Read the log probability of a given text from a prompt that a completions server echoes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import BenchmarkRequest

if TYPE_CHECKING:
    from evalharness.domain import Request

_MAX_STOPS = 4
_REPLACEMENT_CHARACTER = "\ufffd"  # stands for part of a character, if a token ends inside it


class _EchoLogprobs(msgspec.Struct):
    """The tokens of an echoed prompt and of the text, with their log probabilities."""

    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


_decode_echo = msgspec.json.Decoder(_EchoLogprobs | None).decode


def build_benchmark_fields(request: BenchmarkRequest) -> dict[str, Any]:
    """Return the fields of a benchmark's request besides the model and the messages.

    Log probabilities of a given text are read from a prompt that the server echoes. Servers accept
    at least four stop texts; the caller cuts the reply at the others.
    """
    content: dict[str, Any] = {} if request.prompt is None else {"prompt": request.prompt}
    if request.continuation is not None:
        echoed = (request.prompt or "") + request.continuation
        return {"prompt": echoed, "max_tokens": 1, "echo": True, "logprobs": 1}
    return content | ({"stop": request.stop[:_MAX_STOPS]} if request.stop else {})


def read_continuation_score(logprobs: msgspec.Raw, request: Request) -> tuple[float, bool] | None:
    """Return the log probability of the requested continuation, and whether it is the likeliest.

    Its tokens are those that end after the prompt, counted from the end, as the echo may begin with a
    token that is not part of our text. The last token was generated. Returns None if the server
    reports nothing.
    """
    if not isinstance(request, BenchmarkRequest) or request.continuation is None:
        return None
    content = _decode_echo(logprobs)
    if content is None or content.tokens is None or content.token_logprobs is None:
        return None
    wanted, count = len(request.continuation), 0
    tokens, told_of = content.tokens[:-1], content.token_logprobs
    while wanted > 0 and count < len(tokens):
        count += 1
        wanted -= len(tokens[-count])
    while count < len(tokens) and not tokens[-count - 1] and told_of[-count - 2] is not None:
        count += 1  # only the last token of a character of several tokens has a text
    places = range(len(tokens) - count, len(tokens))
    read = [told_of[place] for place in places]
    known = [logprob for logprob in read if logprob is not None]
    text = "".join(tokens[len(tokens) - count :])
    if not text.endswith(request.continuation) and _REPLACEMENT_CHARACTER not in text:
        return None  # the server did not echo
    if len(known) < len(read) or not known:
        return None  # the first token of a text has no log probability
    likeliest = content.top_logprobs or []
    is_likeliest = len(likeliest) >= len(tokens) and all(
        logprob >= max((likeliest[place] or {}).values(), default=0.0)
        for place, logprob in zip(places, known, strict=True)
    )
    return math.fsum(known), is_likeliest
