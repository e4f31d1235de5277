"""Describe replies and judgments on the page: tokens, time, cuts, thoughts and empty answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.domain import EmptyCause
from evalharness.report.number_format import format_count, format_number, format_percent

if TYPE_CHECKING:
    from evalharness.domain import AnswerTurn, Judgment, Usage

EMPTY_TEXTS = {
    EmptyCause.EMPTY: "The reply is empty.",
    EmptyCause.REFUSAL: "The model or its server refused to answer.",
    EmptyCause.THOUGHT_ONLY: "The reply ended inside the thought: there is no answer.",
}


def describe_cut(turn: AnswerTurn) -> str:
    """Return the line about a reply that was cut."""
    if turn.finish_reason == "length":
        return "cut off at max_tokens"
    return f"cut off, as the server says: {turn.finish_reason}"


def describe_thought(usage: Usage) -> str:
    """Return the title of the fold that holds a thought."""
    if usage.reasoning_tokens is None:
        return "Thought before the answer"
    return f"Thought before the answer ({format_count(usage.reasoning_tokens)} tokens)"


def describe_turn_usage(turn: AnswerTurn) -> str:
    """Return the line with the tokens, the time and the finish reason of a reply."""
    reason = turn.finish_reason if turn.finish_reason is not None else "not said"
    return " \N{MIDDLE DOT} ".join([*_usage_parts(turn.usage), f"finish: {reason}"])


def _usage_parts(usage: Usage) -> list[str]:
    parts = []
    if usage.prompt_tokens is not None:
        parts.append(f"{format_count(usage.prompt_tokens)} tokens in")
    if usage.completion_tokens is not None:
        parts.append(f"{format_count(usage.completion_tokens)} out")
    if usage.reasoning_tokens:
        parts.append(f"{format_count(usage.reasoning_tokens)} of them thought")
    if usage.seconds:
        parts.append(f"{format_number(usage.seconds, 1)} s")
    return parts


def describe_judgment(judgment: Judgment) -> dict[str, Any]:
    """Return remarks on a decision: its probability, whether it was repaired, and its usage."""
    mass = judgment.mass
    remarks = (
        [f"{format_percent(mass)} of the probability on a decision"] if mass is not None else []
    )
    remarks += ["needed a repair"] if judgment.repaired else []
    remarks += [f"cut off: {judgment.finish_reason}"] if judgment.finish_reason else []
    return {
        "remark": ", ".join(remarks),
        "meta": " \N{MIDDLE DOT} ".join(_usage_parts(judgment.usage)),
    }
