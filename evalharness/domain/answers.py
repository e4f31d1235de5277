"""Define the answers of models: their replies to the turns of a question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from evalharness.domain.calls import Usage
from evalharness.domain.finish_reasons import is_complete_reason, is_refusal_reason
from evalharness.domain.thoughts import split_reasoning
from evalharness.domain.vocabulary import compute_digest

if TYPE_CHECKING:
    from evalharness.domain.calls import Completion


class EmptyCause(StrEnum):
    """The reason why a turn holds no answer of the model."""

    REFUSAL = "refusal"
    THOUGHT_ONLY = "thought_only"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTurn:
    """A model's reply to one turn, with its tokens and time; None where they were not counted.

    `reasoning` is the thought before the reply, which judges do not see; `reasoning_tokens` is its
    part of `completion_tokens`. `served` is the model that the server reported, and `sent` the
    sampling fields that the request had, as the server knows them.
    """

    text: str
    reasoning: str | None = None
    finish_reason: str | None = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    seconds: float = 0.0
    served: str | None = None
    sent: tuple[str, ...] = ()

    @classmethod
    def from_completion(cls, completion: Completion) -> AnswerTurn:
        """Return the turn that a backend's completion makes."""
        return cls(
            text=completion.text,
            reasoning=completion.reasoning,
            finish_reason=completion.finish_reason,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cached_tokens=completion.cached_tokens,
            reasoning_tokens=completion.reasoning_tokens,
            seconds=completion.seconds,
            served=completion.served,
            sent=completion.sent,
        )

    def without_thought(self) -> AnswerTurn:
        """Return the turn with a thought at the beginning of its text moved to `reasoning`."""
        split = split_reasoning(self.text)
        if self.reasoning is not None or split.text == self.text:
            return self
        return replace(self, text=split.text.strip(), reasoning=split.reasoning)

    @property
    def usage(self) -> Usage:
        """The tokens and time."""
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=self.cached_tokens,
            reasoning_tokens=self.reasoning_tokens,
            seconds=self.seconds,
        )

    @property
    def is_truncated(self) -> bool:
        """Whether the reply was cut: by `max_tokens`, or for another reason than its own end."""
        return not is_complete_reason(self.finish_reason) and self.finish_reason != "refusal"

    @property
    def empty_cause(self) -> EmptyCause | None:
        """Why there is no answer, or None if there is one.

        The text of a refusal holds its words, if the server gave any.
        """
        is_blank = not self.text.strip()
        if self.finish_reason == "refusal" or (is_blank and is_refusal_reason(self.finish_reason)):
            return EmptyCause.REFUSAL
        if not is_blank:
            return None
        return (
            EmptyCause.THOUGHT_ONLY if self.reasoning or self.reasoning_tokens else EmptyCause.EMPTY
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A model's replies to the turns of a question; unfinished while turns are missing.

    `digest` is the key of the request (model identity, question, sample), not of the text.
    """

    question_id: str
    model: str
    sample: int = 0
    turns: tuple[AnswerTurn, ...]
    digest: str

    def text_digest(self, turn: int) -> str:
        """Return the digest of the replies that a judge of a turn (from 1) sees: those up to it."""
        return compute_digest([reply.text for reply in self.turns[:turn]])
