"""Explain errors in a configuration: name the file and the key, and suggest close matches."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin, get_type_hints

from evalharness.config import schema
from evalharness.config.schema import RootConf
from evalharness.errors import ConfigError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_TYPE_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "one text"}
_CHOSEN = {"models": "models (models=[...])", "panel": "judges (judge=[...])"}


def explain_hydra_error(error: Exception, choices: Callable[[str], Sequence[str]]) -> str:
    """Return an explanation, of one or two lines, for an error of Hydra or OmegaConf.

    Args:
        error: the exception that was raised.
        choices: returns the names in a configuration group, for close matches.
    """
    text = str(error)
    if override := getattr(error, "override", None):
        return f"{override}: cannot be read as KEY=VALUE ({_first_line_with_reason(error)})"
    if found := re.search(r"Could not (?:load|find) '([^'/]+)/([^']+)'", text):
        group, name = found.groups()
        known = choices(group)
        return (
            f"{group}={name}: there is no such choice{suggest_close_match(name, known)}\n"
            f"there are: {', '.join(known) or 'none'}"
        )
    if explained := _explain_override(text):
        return explained
    if found := re.search(r"Key '([^']+)' not in '(\w+)'", _chained_text(error)):
        key, owner = found.groups()
        fields = _field_names(getattr(schema, owner, None))
        where = re.search(r"In '([^']+)'", _chained_text(error))
        file = f"{where[1]}.yaml: " if where else ""
        return f"{file}unknown key {key!r}{suggest_close_match(key, fields)}"
    return _explain_missing_value(error) or _first_line_with_reason(error)


def _explain_override(text: str) -> str | None:
    """Return an explanation for an error about the key or the value of an override, or None."""
    if found := re.search(r"Ambiguous value for argument '([^=]+)=([^']*)'", text):
        key, value = found.groups()
        return (
            f"{key}={value}: write a list as '{key}=[{value}]', and one text as {key}='\"{value}\"'"
        )
    if found := re.search(r"Error merging override ([^=]+)=(.*)", text):
        return _explain_wrong_type(*found.groups())
    if found := re.search(r"Could not override '([^']+)'", text):
        return _explain_unknown_key(found[1]) or _explain_absent_node(found[1])
    return None


def _explain_wrong_type(key: str, value: str) -> str | None:
    """Return what a setting must be instead of a value of another type; None if its type is open."""
    kind = _find_type(key.lstrip("+"))
    if get_origin(kind) is list:
        return f"{key}={value}: must be a list; write '{key}=[{value}]'"
    words = _TYPE_WORDS.get(kind)
    return f"{key}={value}: must be {words}" if words else None


def _find_type(key: str) -> Any:
    """Return the type of a setting; None where the schema does not say it."""
    kind: Any = RootConf
    for part in key.split("."):
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif dataclasses.is_dataclass(kind):
            kind = _resolve_types(cast("Any", kind)).get(part)
        else:
            return None
        kind = _strip_optional(kind)
    return kind


def _explain_absent_node(key: str) -> str:
    """Return an explanation for a key of the schema in a model or judge that was not chosen."""
    group, _, rest = key.partition(".")
    name = rest.partition(".")[0]
    if group in _CHOSEN:
        return f"{key}: {name!r} is not among the chosen {_CHOSEN[group]}"
    return f"{key}: there is no such setting here"


def _explain_missing_value(error: Exception) -> str | None:
    """Return which value or environment variable is missing, or None."""
    if found := re.search(r"Environment variable '(\w+)' not found", str(error)):
        return (
            f"{found[1]} is not set, but a model that you named needs it: export it, or add the line "
            f"{found[1]}=VALUE in .env"
        )
    found = re.search(r"Missing mandatory value: (\S+)", _chained_text(error))
    return f"{found[1]}: a value is needed" if found else None


def refuse_unknown_keys(tree: Mapping[str, Any]) -> None:
    """Refuse keys that are not in the schema. Hydra accepts such a key in an override with a plus.

    Raises:
        ConfigError: a key is unknown; the message has close matches.
    """
    for path in _leaf_paths(tree, ()):
        if message := _explain_unknown_key(".".join(path), path):
            raise ConfigError(message)


def _leaf_paths(tree: Any, prefix: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not isinstance(tree, dict):
        return [prefix]
    return [
        path for key, value in tree.items() for path in _leaf_paths(value, (*prefix, str(key)))
    ] or [prefix]


def _explain_unknown_key(key: str, path: Sequence[str] | None = None) -> str | None:
    """Return an explanation for an unknown dotted key, or None if the schema has the key."""
    kind: Any = RootConf
    for part in path or key.split("."):
        if dataclasses.is_dataclass(kind):
            fields = _field_names(kind)
            if part not in fields:
                near = _list_nested_keys(kind, part) or fields
                return f"{key}: unknown key {part!r}{suggest_close_match(part, near)}"
            kind = _strip_optional(_resolve_types(cast("Any", kind))[part])
        elif get_origin(kind) is dict:
            kind = _strip_optional(get_args(kind)[1])
        elif kind is Any:
            return None
        else:
            return f"{key}: {part!r} is inside a plain value"
    return None


def _list_nested_keys(kind: Any, name: str) -> list[str]:
    """Return the dotted keys of a section's sections that end in a name."""
    sections = {key: _strip_optional(hint) for key, hint in _resolve_types(kind).items()}
    return [
        f"{key}.{name}"
        for key, section in sections.items()
        if dataclasses.is_dataclass(section) and name in _field_names(section)
    ]


@cache
def _resolve_types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _strip_optional(hint: Any) -> Any:
    """Return the type inside an Optional."""
    if get_origin(hint) is Union:
        return next(kind for kind in get_args(hint) if kind is not type(None))
    return hint


def _field_names(owner: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(owner)] if owner else []


def _chained_text(error: BaseException | None) -> str:
    return f"{error}\n{_chained_text(error.__cause__)}" if error is not None else ""


def _first_line_with_reason(error: Exception) -> str:
    """Return the first line of an error, with the reason that Hydra keeps in the error's cause."""
    lines = [line for line in _chained_text(error).splitlines() if line.strip()]
    first, *others = lines or [type(error).__name__]
    reason = next((line for line in others if line.startswith(("Value ", "Invalid"))), "")
    return f"{first}: {reason}" if reason else first
