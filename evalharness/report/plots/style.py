"""Colors, symbols and error bars that the plots share."""

from __future__ import annotations

MODEL_COLORS = ("#0a68ad", "#c24a00", "#008060", "#8b4397", "#8a6900", "#596570")
MODEL_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")

_LONGEST_BAR = 800.0


def error_bar_length(value: float | None, bound: float | None) -> float | None:
    """Return the distance of a bound from its value, or None without one of them.

    An open end, which only ratings have, is drawn as far as odds of a hundred to one.
    """
    return None if value is None or bound is None else min(abs(bound - value), _LONGEST_BAR)
