"""What a model is asked, and what comes back: requests, completions, and what they used."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the store reads the annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain._words import Role

if TYPE_CHECKING:
    from evalharness.domain._specs import Sampling
    from evalharness.domain._words import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a backend is asked.

    With `options`, no text is generated: the backend returns how probable each of these texts is
    as the start of the reply (after `prefill`). A `schema` asks for JSON that matches it; a backend
    that cannot hold a model to it leaves it out, so the text may be anything. Question, turn and sample say what it is for:
    recorded answers are found by them.
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
    """One text from a backend.

    `option_probabilities` stands beside `Request.options`: absolute probabilities, which may add
    up to less than 1 (the rest went to other texts). `log_probability` and `is_likeliest` (whether
    greedy decoding would write it) tell of a continuation that was asked about. `seconds` is the
    time of the last attempt; `batch` is whether a batch endpoint was asked, at its price. `served`
    is what the server says that it ran: a model's exact name, and its fingerprint.
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

    `batch` is whether all were made through a batch endpoint, and cost what it takes.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float = 0.0
    batch: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Return both together; what one of them did not count stays uncounted."""
        return Usage(
            prompt_tokens=_sum(self.prompt_tokens, other.prompt_tokens),
            completion_tokens=_sum(self.completion_tokens, other.completion_tokens),
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            seconds=self.seconds + other.seconds,
            batch=self.batch and other.batch,
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
