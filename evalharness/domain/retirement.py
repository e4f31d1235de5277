"""Say when a model's provider ends it, and what takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalharness.domain.specs import ModelSpec


def is_retired(spec: ModelSpec, today: str) -> bool:
    """Return whether the provider of a model has ended it.

    Args:
        spec: the model.
        today: the date, as YYYY-MM-DD.
    """
    return spec.retired is not None and spec.retired <= today


def describe_retirement(retired: str | None, successor: str | None, today: str) -> str | None:
    """Return when a model ends or ended, and its successor; None for a model without an end.

    Args:
        retired: the day on which the provider ends the model, as YYYY-MM-DD.
        successor: the name of the model that takes its place.
        today: the date, as YYYY-MM-DD.
    """
    if retired is None:
        return None
    text = f"{'retired' if retired <= today else 'ends'} {retired}"
    return f"{text}; use {successor}" if successor else text
