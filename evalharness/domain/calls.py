"""Define the calls of a model: requests, completions, and their usage of tokens and time."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the store reads the annotations
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain.vocabulary import Role

if TYPE_CHECKING:
    from evalharness.domain.vocabulary import Message

ASSUMED_MAX_TOKENS = 4096
"""The length of a reply that is assumed where `Sampling.max_tokens` is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Settings of text generation; None means that the backend or server decides.

    Attributes:
        temperature: 0 is greedy decoding.
        top_p: the probability mass of nucleus sampling.
        max_tokens: the maximum length of a reply, including the thought before it.
        seed: the seed that is sent to the backend.
        seedless: whether no seed is sent, not even the one that a run derives for random sampling.
    """

    temperature: float | None = 0.0
    top_p: float | None = None
    max_tokens: int | None = 1024
    seed: int | None = None
    seedless: bool = False

    @property
    def assumed_max_tokens(self) -> int:
        """The maximum length of a reply; an assumption where the server decides."""
        return ASSUMED_MAX_TOKENS if self.max_tokens is None else self.max_tokens

    def fill_defaults(self) -> Sampling:
        """Return the settings for a backend that decides itself: temperature 1, a finite length."""
        temperature = 1.0 if self.temperature is None else self.temperature
        return replace(self, temperature=temperature, max_tokens=self.assumed_max_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to a backend.

    Attributes:
        messages: the conversation, in order.
        sampling: the settings of text generation.
        prefill: the start of the reply.
        options: if given, no text is generated; the backend returns the probability of each option
            as the start of the reply, after `prefill`.
        schema: a JSON schema for the reply; a backend that cannot enforce it ignores it, so the
            reply may be any text.
        question_id: the id of the question, by which recorded answers are looked up.
        turn: the turn, counted from 1.
        sample: the sample, counted from 0.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    prefill: str = ""
    options: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    question_id: str = ""
    turn: int = 1
    sample: int = 0

    def key_content(self) -> dict[str, Any]:
        """Return what a key of this request is made of; newer fields only where they are set."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        for message in content["messages"]:
            _drop_unset(message, "reasoning")
        _drop_unset(content["sampling"], "seedless")
        return content

    @property
    def continues(self) -> bool:
        """Whether the conversation already has a reply of the model."""
        return any(message.role is Role.ASSISTANT for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One text from a backend; None means that the backend did not report the value.

    Attributes:
        text: the reply, without `Request.prefill` and without the thought before it.
        reasoning: the model's thought before the reply.
        finish_reason: `stop`, `length` if `max_tokens` cut the reply, or the server's own value.
        prompt_tokens: the number of tokens that the model read.
        completion_tokens: the number of tokens that the model generated.
        cached_tokens: the part of `prompt_tokens` that the server had cached.
        reasoning_tokens: the part of `completion_tokens` that the thought took.
        seconds: the duration of the last attempt.
        attempts: the number of attempts.
        option_probabilities: the probability of each of `Request.options`, in order; the sum is
            less than 1 if other texts are possible.
        log_probability: the natural logarithm of the requested continuation's probability.
        is_likeliest: whether greedy decoding would generate that continuation.
        batch: whether a batch endpoint, which has its own prices, was used.
        served: the exact model name and the fingerprint that the server reported.
        sent: the names of the sampling fields that the request had, as the server knows them.
    """

    text: str
    reasoning: str | None = None
    finish_reason: str | None = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    seconds: float = 0.0
    attempts: int = 1
    option_probabilities: tuple[float, ...] | None = None
    log_probability: float | None = None
    is_likeliest: bool | None = None
    batch: bool = False
    served: str | None = None
    sent: tuple[str, ...] = ()

    @property
    def usage(self) -> Usage:
        """The tokens and time."""
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            reasoning_tokens=self.reasoning_tokens,
            seconds=self.seconds,
            batch=self.batch,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and time of a model's calls; None where the backend did not count.

    Attributes:
        prompt_tokens: the number of tokens that the model read.
        completion_tokens: the number of tokens that the model generated.
        cached_tokens: the part of `prompt_tokens` that the server had cached.
        reasoning_tokens: the part of `completion_tokens` that thoughts took.
        seconds: the total duration of the last attempts.
        batch: whether all calls used a batch endpoint, which has its own prices.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    seconds: float = 0.0
    batch: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Return the sum; a count that is None in one of them is None in the sum."""
        return Usage(
            prompt_tokens=_add_counts(self.prompt_tokens, other.prompt_tokens),
            completion_tokens=_add_counts(self.completion_tokens, other.completion_tokens),
            cached_tokens=_add_counts(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=_add_counts(self.reasoning_tokens, other.reasoning_tokens),
            seconds=self.seconds + other.seconds,
            batch=self.batch and other.batch,
        )


def _drop_unset(content: dict[str, Any], name: str) -> None:
    if not content[name]:
        del content[name]


def _add_counts(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
