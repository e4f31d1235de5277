"""Check configured values; each error message names the setting and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.errors import ConfigError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Sequence


def require_one_of(value: str, allowed: Sequence[str], place: str) -> None:
    """Refuse a value that is not among those allowed.

    Raises:
        ConfigError: with the place, the allowed values, and close matches.
    """
    if value not in allowed:
        msg = f"{place}={value}: must be one of {', '.join(allowed)}"
        raise ConfigError(msg + suggest_close_match(value, allowed))


def require_at_least(value: float, least: int, place: str) -> Any:
    """Return a number, unless it is below its lower bound.

    Raises:
        ConfigError: with the place and the bound.
    """
    if not value >= least:
        msg = f"{place}={value}: must be at least {least}"
        raise ConfigError(msg)
    return value


def require_above_zero(value: float, place: str) -> None:
    """Refuse a number that is not above 0.

    Raises:
        ConfigError: with the place.
    """
    if not value > 0:
        msg = f"{place}={value}: must be above 0"
        raise ConfigError(msg)
