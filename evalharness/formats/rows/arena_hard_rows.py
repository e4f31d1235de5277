"""Define the fields of Arena-Hard's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from evalharness.formats.rows.row_location import RowLocation


class ArenaHardText(msgspec.Struct):
    """A text."""

    content: str


class ArenaHardQuestion(msgspec.Struct):
    """A question of either version."""

    category: str
    uid: str | None = None
    question_id: str | None = None
    prompt: str | None = None
    turns: list[ArenaHardText] = []


class ArenaHardReply(msgspec.Struct):
    """A reply in the second version."""

    answer: str


class ArenaHardMessage(msgspec.Struct):
    """A message of a conversation."""

    role: str
    content: str | ArenaHardReply


class ArenaHardChoice(msgspec.Struct):
    """An answer of the first version."""

    turns: list[ArenaHardText]


class ArenaHardAnswer(msgspec.Struct):
    """The answer of a model, of either version."""

    uid: str | None = None
    question_id: str | None = None
    model: str | None = None
    model_id: str | None = None
    messages: list[ArenaHardMessage] = []
    choices: list[ArenaHardChoice] = []


class ArenaHardGame(msgspec.Struct):
    """One order in which a judge saw the answers."""

    score: str | None = None
    judgment: str | ArenaHardReply | None = None


class ArenaHardJudgment(msgspec.Struct):
    """The games of a model against the baseline on one question."""

    judge: str
    model: str
    games: list[ArenaHardGame | None]
    uid: str | None = None
    question_id: str | None = None
    baseline: str | None = None


def find_question_id(
    parsed: ArenaHardQuestion | ArenaHardAnswer | ArenaHardJudgment, location: RowLocation
) -> str:
    """Return the id of a row's question.

    Raises:
        InputError: the row has no id.
    """
    question_id = parsed.uid or parsed.question_id
    if not question_id:
        location.refuse("neither uid nor question_id")
    return question_id


def read_replies(parsed: ArenaHardAnswer) -> list[str]:
    """Return the replies of an answer of either version."""
    if parsed.choices:
        return [turn.content for turn in parsed.choices[0].turns]
    return [
        message.content if isinstance(message.content, str) else message.content.answer
        for message in parsed.messages
        if message.role == "assistant"
    ]
