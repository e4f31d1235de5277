"""Define the basic terms: roles, messages, questions, and the choices of how they are judged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_RATING = "bradley_terry"
"""The rating model of a run that does not set one."""

LABELLED_SIDES = frozenset({"output_1", "output_2", "response_A", "response_B"})
"""The names of the two places of labelled pairs (LLMBar, JudgeBench), which are no models."""


def compute_digest(content: Any) -> str:
    """Return the first 32 hex digits of the SHA-256 of JSON-like content.

    Records are hashed as their JSON objects, so equal content gives equal digests.
    """
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]


class Role(StrEnum):
    """The author of a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class JudgmentKind(StrEnum):
    """The kind of a judgment: one answer graded, or two answers compared."""

    GRADED = "graded"
    PAIRWISE = "pairwise"


class Verdict(StrEnum):
    """The judge's decision about two answers as shown: a position, not a model."""

    A = "A"
    B = "B"
    TIE = "tie"

    @property
    def points(self) -> float:
        """The points of the answer in position A: a win 1, a tie 1/2, a loss 0."""
        return _FIRST_POINTS[self.value]


class Winner(StrEnum):
    """The winner of a battle: a model, not a position."""

    MODEL_A = "model_a"
    MODEL_B = "model_b"
    TIE = "tie"

    @property
    def points(self) -> float:
        """The points of `model_a`: a win 1, a tie 1/2, a loss 0."""
        return _FIRST_POINTS[self.value]


_FIRST_POINTS = {"A": 1.0, "model_a": 1.0, "tie": 0.5, "B": 0.0, "model_b": 0.0}
"""The points of the first answer or model, by verdict or winner."""


class Reading(StrEnum):
    """How a decision is read: from the judge's text, its JSON, or its token probabilities."""

    TEXT = "text"
    JSON = "json"
    PROBABILITIES = "probabilities"


class PairDesign(StrEnum):
    """Which pairs of models are compared on a question."""

    ALL = "all"
    BASELINE = "baseline"
    CHAIN = "chain"
    RANDOM = "random"
    ADAPTIVE = "adaptive"


class PanelRule(StrEnum):
    """How several judges are combined: with equal weights, or with weights from a rater model."""

    AGGREGATE = "aggregate"
    RATER = "rater"


class RunStage(StrEnum):
    """The part of a run in which something failed."""

    ANSWER = "answer"
    JUDGE = "judge"
    BENCHMARK = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: the author.
        content: the text.
        reasoning: the thought before a reply, for chat templates that show earlier thoughts.
    """

    role: Role
    content: str
    reasoning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of one or more user turns.

    Attributes:
        question_id: the question's id.
        category: the category of the question.
        turns: the user turns, in order.
        references: a reference answer (or None) for each turn; empty if there are none.
        rubric: a checklist, which some judge prompts show; candidates never see it.
    """

    question_id: str
    category: str
    turns: tuple[str, ...]
    references: tuple[str | None, ...] = ()
    rubric: tuple[str, ...] = ()

    def reference(self, turn: int) -> str | None:
        """Return the reference of a turn (counted from 1); None without one, or if it is blank."""
        text = self.references[turn - 1] if self.references else None
        return text if text and text.strip() else None


def build_conversation(
    turns: Sequence[str],
    replies: Sequence[str],
    system: str | None = None,
    thoughts: Sequence[str | None] = (),
) -> tuple[Message, ...]:
    """Return the messages of a conversation: the system message, then turns and replies in turn.

    Args:
        turns: what the user says.
        replies: what the model said.
        system: the system message.
        thoughts: the thought before each reply, for chat templates that show earlier thoughts.
    """
    messages = [Message(role=Role.SYSTEM, content=system)] if system else []
    for number, turn in enumerate(turns):
        messages.append(Message(role=Role.USER, content=turn))
        if number < len(replies):
            thought = thoughts[number] if number < len(thoughts) else None
            messages.append(
                Message(role=Role.ASSISTANT, content=replies[number], reasoning=thought)
            )
    return tuple(messages)
