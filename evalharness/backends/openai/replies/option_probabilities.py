"""Read the probabilities of options from the likeliest first tokens of a reply, without any I/O."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Completion


_NEGLIGIBLE = 1e-3  # a probability that can move no mean grade by a hundredth


class AmbiguousOptionError(PermanentError):
    """The first token of a reply begins several options, so it does not say which one is meant.

    Attributes:
        start: the token's text.
        share: its probability.
        begun: the options that it begins.
        options: all options.
        tokens: the likeliest first tokens with their log probabilities.
        completion: the rest of the reply, once it is read.
    """

    def __init__(
        self,
        start: str,
        share: float,
        begun: tuple[str, ...],
        options: Sequence[str],
        tokens: Sequence[tuple[str, float]],
    ) -> None:
        told = " or ".join(option.rstrip("]") for option in begun)
        message = (
            f"the server may write the options {told} with the same first token {start!r}, so their "
            "probabilities cannot be told apart; judge with reading=text or reading=json, or ask "
            "an endpoint of the kind completions"
        )
        super().__init__(message, reason="split_options")
        self.start = start
        self.share = share
        self.begun = begun
        self.options = options
        self.tokens = tokens
        self.completion: Completion | None = None


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
        AmbiguousOptionError: the first token does not tell the options apart.
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
    options: Sequence[str], tokens: Sequence[tuple[str, float]], *, are_whole: bool = False
) -> tuple[float, ...]:
    """Return the probability of each option, as far as the first token shows it.

    A token counts for the option that it equals, else for the only option that it begins. If it
    begins several (1 of `1]]` and `10]]`), the options that a longer token begins belong to that
    token. Spaces before a token are ignored. An option that no token begins has probability 0. The
    probabilities of other tokens belong to no option, so the sum may be below 1.

    Args:
        options: the options.
        tokens: the likeliest first tokens with their log probabilities.
        are_whole: whether the tokenizer is known to write options that begin alike with different
            tokens, so that a token that begins several of them is the shortest one's.

    Raises:
        AmbiguousOptionError: a token that is likely enough to matter begins several options.
    """
    probabilities = dict.fromkeys(options, 0.0)
    shares: dict[str, float] = {}
    for token, logprob in tokens:
        start = token.lstrip(" ▁Ġ")
        shares[start] = shares.get(start, 0.0) + math.exp(logprob)
    for start, share in shares.items():
        longer = tuple(other for other in shares if len(other) > len(start))
        begun = [option for option in options if start and option.startswith(start)]
        if len(begun) > 1:
            begun = [option for option in begun if not option.startswith(longer)]
        if len(begun) > 1 and are_whole:
            begun = [min(begun, key=len)]
        if len(begun) == 1:
            probabilities[begun[0]] += share
        elif begun and share > _NEGLIGIBLE:
            raise AmbiguousOptionError(start, share, tuple(begun), options, tokens)
    return tuple(probabilities[option] for option in options)
