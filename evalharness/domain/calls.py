"""What a model is asked, and what comes back: requests, completions, and what they used."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the store reads the annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain.vocabulary import Role

if TYPE_CHECKING:
    from evalharness.domain.vocabulary import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How text is drawn; a None is left to the backend's default.

    Attributes:
        temperature: 0 is greedy.
        top_p: the mass that is drawn from.
        max_tokens: of a reply.
        seed: sent to the backend.
    """

    temperature: float = 0.0
    top_p: float | None = None
    max_tokens: int = 1024
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a backend is asked.

    Attributes:
        messages: the conversation, in order.
        sampling: how text is drawn.
        prefill: how the reply begins.
        options: with them no text is written: the backend returns how probable each of these is as
            the start of the reply, after `prefill`.
        schema: asks for JSON that matches it; a backend that cannot hold a model to it leaves it
            out, so the text may be anything.
        question_id: what it is for; recorded answers are found by it.
        turn: counted from 1.
        sample: counted from 0.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    prefill: str = ""
    options: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    question_id: str = ""
    turn: int = 1
    sample: int = 0

    @property
    def continues(self) -> bool:
        """Whether it goes on with a conversation: the model has replied before."""
        return any(message.role is Role.ASSISTANT for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One text from a backend; None is what it did not tell.

    Attributes:
        text: the reply, without `Request.prefill`.
        finish_reason: `stop`, `length` where `max_tokens` cut it, or the server's own word.
        prompt_tokens: read.
        completion_tokens: written.
        cached_tokens: part of those read.
        seconds: of the last attempt.
        attempts: how often it was tried.
        option_probabilities: beside `Request.options`: absolute, so they may add up to less than 1
            (the rest went to other texts).
        log_probability: natural; of a continuation that was asked about.
        is_likeliest: whether greedy decoding would write that continuation.
        batch: whether a batch endpoint was asked, at its price.
        served: what the server says that it ran: a model's exact name, and its fingerprint.
    """

    text: str
    finish_reason: str | None = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float = 0.0
    attempts: int = 1
    option_probabilities: tuple[float, ...] | None = None
    log_probability: float | None = None
    is_likeliest: bool | None = None
    batch: bool = False
    served: str | None = None

    @property
    def usage(self) -> Usage:
        """The tokens and time."""
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            seconds=self.seconds,
            batch=self.batch,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and time of a model's calls; None where the backend did not count.

    Attributes:
        prompt_tokens: read.
        completion_tokens: written.
        cached_tokens: part of those read.
        seconds: of the last attempts.
        batch: whether all were made through a batch endpoint, and cost what it takes.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float = 0.0
    batch: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Return both together; what one of them did not count stays uncounted."""
        return Usage(
            prompt_tokens=_add_counts(self.prompt_tokens, other.prompt_tokens),
            completion_tokens=_add_counts(self.completion_tokens, other.completion_tokens),
            cached_tokens=_add_counts(self.cached_tokens, other.cached_tokens),
            seconds=self.seconds + other.seconds,
            batch=self.batch and other.batch,
        )


def _add_counts(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
