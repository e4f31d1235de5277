"""Read the probabilities of options from the likeliest first tokens of a reply, without any I/O."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence


class _TopToken(msgspec.Struct):
    token: str
    logprob: float


class _TokenPosition(msgspec.Struct):
    top_logprobs: list[_TopToken] = []


class _Logprobs(msgspec.Struct):
    """Log probabilities: in `content` (chat) or `top_logprobs` (completions); some servers swap."""

    content: list[_TokenPosition] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


_decode_logprobs = msgspec.json.Decoder(_Logprobs | None).decode


def read_option_probabilities(logprobs: msgspec.Raw, options: Sequence[str]) -> tuple[float, ...]:
    """Return the probability of each option in the log probabilities of a reply.

    Raises:
        msgspec.MsgspecError: the log probabilities have another form.
        PermanentError: there are none.
    """
    return option_probabilities(options, _list_top_tokens(_decode_logprobs(logprobs)))


def _list_top_tokens(logprobs: _Logprobs | None) -> list[tuple[str, float]]:
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
