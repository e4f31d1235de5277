"""Select the fields of a configured record that belong to its keys: those that change a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_IN_IDENTITY = {"in_identity": False}
"""The `metadata` of a dataclass field that changes speed, price or access, but no text."""

NOT_IN_NAMES = {**NOT_IN_IDENTITY, "in_run_name": False}
"""The same for a field on which the default name of a run does not depend either."""


def list_set_fields(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that are part of a key, nested records as dicts.

    A field is left out where its default is empty and its value equals that default. A new
    optional field with an empty default therefore changes no existing key.

    Args:
        record: an instance of a dataclass.
    """
    kind: Any = type(record)
    return {
        name: _to_plain(value)
        for name, default in _identity_fields(kind)
        if not is_unset(value := getattr(record, name), default)
    }


def list_neutral_fields(kind: type) -> frozenset[str]:
    """Return the names of a dataclass's fields that are not part of a key."""
    return frozenset(each.name for each in fields(kind) if not _is_in_identity(each))


def is_unset(value: Any, default: Any) -> bool:
    """Whether a default is empty (None, False, or without content) and a value equals it.

    A list equals a tuple here; None, False and 0 are three different values.
    """
    if default is None or default is False:
        return value is default
    if isinstance(default, (str, tuple, list, Mapping)):
        return not default and isinstance(value, (str, tuple, list, Mapping)) and not value
    return False


def get_default(field: Field[Any]) -> Any:
    """Return the default of a dataclass field; `dataclasses.MISSING` where it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


@cache
def _identity_fields(kind: type) -> tuple[tuple[str, Any], ...]:
    """Return the names of the fields that are part of keys, each with its default."""
    return tuple(_iterate_identity_fields(kind))


def _iterate_identity_fields(kind: type) -> Iterator[tuple[str, Any]]:
    for own in fields(kind):
        if _is_in_identity(own):
            yield own.name, get_default(own)


def _is_in_identity(field: Field[Any]) -> bool:
    return bool(field.metadata.get("in_identity", True))


def _to_plain(value: Any) -> Any:
    if is_dataclass(value):
        return list_set_fields(value)
    if isinstance(value, Mapping):
        return {key: _to_plain(each) for key, each in value.items()}
    return value
