"""Format numbers and lists for a reader; a figure that was not measured is an en dash, never 0."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ABSENT = "\N{EN DASH}"
OPEN = "open"
"""The end of an interval that the data do not bound."""

MINUS = "\N{MINUS SIGN}"


def format_number(value: float | None, digits: int = 0) -> str:
    """Return a number with a fixed count of decimals, or an en dash."""
    if value is None or math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    # Adding zero turns -0.0 into 0.0, which would otherwise print as -0.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", MINUS)


def format_percent(value: float | None, digits: int = 0) -> str:
    """Return a share as a percentage, or an en dash."""
    return ABSENT if value is None else f"{format_number(100 * value, digits)}%"


def format_span(low: float | None, high: float | None, digits: int = 0) -> str:
    """Return an interval as `low to high`, or an en dash if it was not computed.

    An infinite end is `open`, and so is an interval of two such ends.
    """
    if low is None or high is None:
        return ABSENT
    if math.isinf(low) and math.isinf(high):
        return OPEN
    if math.isinf(low):
        return f"{OPEN} to {format_number(high, digits)}"
    if math.isinf(high):
        return f"{format_number(low, digits)} to {OPEN}"
    return f"{format_number(low, digits)} to {format_number(high, digits)}"


def format_percent_span(low: float | None, high: float | None) -> str:
    """Return an interval of shares as `55 to 69%`, or an en dash."""
    if low is None or high is None:
        return ABSENT
    return f"{format_number(100 * low)} to {format_percent(high)}"


def format_rank(rank: int | None, rating: float | None, score: float | None) -> str:
    """Return a rank with the rating, or without one the score, as `2 (1037)`; or an en dash."""
    if rank is None:
        return ABSENT
    return f"{rank} ({format_number(rating) if rating is not None else format_number(score, 2)})"


def format_count(number: float | None) -> str:
    """Return a whole number with thousands separators, or an en dash."""
    return ABSENT if number is None else f"{number:,.0f}"


def format_quantity(number: int, noun: str) -> str:
    """Return `1 question` or `80 questions`."""
    return f"{format_count(number)} {noun}" if number == 1 else f"{format_count(number)} {noun}s"


def format_dollars(value: float | None) -> str:
    """Return an amount in US dollars, with four decimals if it is below one dollar."""
    if value is None:
        return ABSENT
    return f"${value:,.2f}" if value == 0 or value >= 1 else f"${value:.4f}"


def format_timestamp(text: str) -> str:
    """Return an ISO 8601 timestamp as `3 March 2025, 14:05 UTC`; other text is unchanged."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = f" {when.tzname()}" if when.tzinfo else ""
    return (
        f"{when.day} {when:%B %Y, %H:%M}{zone}"
        if len(text) > len("2025-03-01")
        else f"{when.day} {when:%B %Y}"
    )


def format_list(words: Sequence[str], conjunction: str = "and", most: int = 5) -> str:
    """Return `a, b and c`; a long list is shortened to its first words and the number of others."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} others"]
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
