"""Check the arguments that a notebook passes to the functions that return data frames."""

from __future__ import annotations

import math
from numbers import Integral, Real

from evalharness.errors import BattlesError


def require_number(name: str, value: object) -> float:
    """Return a finite number.

    Args:
        name: the name of the argument.
        value: its value.

    Raises:
        BattlesError: it is text, a truth value, infinite, or not a number.
    """
    try:
        if not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value):
            return float(value)
    except OverflowError:  # an integer beyond the largest float
        pass
    msg = f"{name} is a finite number, not {value!r}"
    raise BattlesError(msg)


def require_whole_number(name: str, value: object, least: int) -> int:
    """Return a whole number from `least` up.

    Args:
        name: the name of the argument.
        value: its value.
        least: the smallest value allowed.

    Raises:
        BattlesError: it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        msg = f"{name} is a whole number from {least} up, not {value!r}"
        raise BattlesError(msg)
    return int(value)


def require_level(level: object) -> float:
    """Return the level of an interval, between 0 and 1.

    Args:
        level: its value.

    Raises:
        BattlesError: it is anything else; 95 is written 0.95.
    """
    number = require_number("level", level)
    if not 0 < number < 1:
        msg = f"an interval's level lies between 0 and 1, not {level!r}: 95% is 0.95"
        raise BattlesError(msg)
    return number
