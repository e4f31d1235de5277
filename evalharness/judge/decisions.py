"""Read a judge's decision with the reader that its `reading` setting selects.

A run and `verify` both read replies with these functions, so they always use the same reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import Reading, is_complete_reason, split_reasoning
from evalharness.judge.reply_json import read_score_from_json, read_verdict_from_json
from evalharness.judge.reply_text import (
    read_score_from_probabilities,
    read_score_from_text,
    read_verdict_from_probabilities,
    read_verdict_from_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.judge.reply_text import ScoreDecision, VerdictDecision

_REPAIR_LINE = "--- asked again ---"
"""The line between the two replies of a judgment that needed a repair request."""


def read_score(
    reading: Reading,
    text: str,
    *,
    probabilities: Sequence[float] | None = None,
    finish_reason: str | None = "stop",
) -> ScoreDecision:
    """Return the score of a judge's reply, or the reason why it has none.

    Args:
        reading: how the judge's decisions are read.
        text: the reply.
        probabilities: the probabilities of the ten scores, in order, if the backend returned them;
            the score is then read from them.
        finish_reason: why the reply ended.
    """
    if probabilities is not None:
        return read_score_from_probabilities(probabilities)
    read = read_score_from_json if reading is Reading.JSON else read_score_from_text
    return read(text, finish_reason)


def read_verdict(
    reading: Reading,
    text: str,
    *,
    probabilities: Sequence[float] | None = None,
    finish_reason: str | None = "stop",
) -> VerdictDecision:
    """Return the verdict of a judge's reply, or the reason why it has none.

    Args:
        reading: how the judge's decisions are read.
        text: the reply.
        probabilities: the probabilities of A, B and a tie, in order, if the backend returned them;
            the verdict is then read from them.
        finish_reason: why the reply ended.
    """
    if probabilities is not None:
        return read_verdict_from_probabilities(probabilities)
    read = read_verdict_from_json if reading is Reading.JSON else read_verdict_from_text
    return read(text, finish_reason)


def select_conclusion(
    text: str, *, finish_reason: str | None, has_thought: bool, thinks: bool
) -> str:
    """Return the text that holds the decision; none if the reply was cut inside a thought.

    A server that does not separate thoughts may have opened it in the prompt, so that a reply of a
    thinking judge that was cut before its end shows no mark.

    Args:
        text: the last reply.
        finish_reason: why it ended.
        has_thought: whether the server separated a thought from it.
        thinks: whether the judge usually writes a thought before its reply.
    """
    is_cut = not is_complete_reason(finish_reason)
    in_thought = thinks and not (has_thought or split_reasoning(text).reasoning)
    return "" if is_cut and in_thought else text


def join_replies(texts: Sequence[str]) -> str:
    """Return a judge's replies as one text, with a line before each reply to a repair request."""
    return f"\n\n{_REPAIR_LINE}\n\n".join(texts)


def join_thoughts(thoughts: Sequence[str | None]) -> str | None:
    """Return the thoughts before a judge's replies as one text, or None if there are none."""
    if not any(thoughts):
        return None
    return join_replies([thought or "" for thought in thoughts])


def split_last_reply(reply: str) -> str:
    """Return the last of the replies that `join_replies` joined, which has the decision."""
    return reply.rpartition(_REPAIR_LINE)[2]
