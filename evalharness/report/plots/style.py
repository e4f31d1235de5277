"""Colors, symbols and error bars that the plots share."""

from __future__ import annotations

MODEL_COLORS = ("#0a68ad", "#c24a00", "#008060", "#8b4397", "#8a6900", "#596570")
MODEL_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")


def error_bar_length(value: float | None, bound: float | None) -> float | None:
    """Return the distance of a bound from its value, or None without one of them."""
    return None if value is None or bound is None else abs(bound - value)
