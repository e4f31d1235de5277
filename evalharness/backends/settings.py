"""Build a backend's own settings from configured values, and list the fields that they need."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from evalharness.backends.discovery import find_backend, list_backends
from evalharness.domain import get_default, list_neutral_fields
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def build_backend_settings(backend: str, conf: Mapping[str, Any], place: str) -> Any:
    """Return a backend's own settings, every value checked.

    Args:
        backend: the name of the backend.
        conf: values by name; settings that it lacks have their defaults, others are ignored.
        place: of `conf` in the configuration, for messages.

    Raises:
        ConfigError: there is no such backend, or a value is not allowed.
    """
    definition = find_backend(backend)
    types = _resolve_types(definition.settings)
    values = {
        name: _convert_value(conf[name], kind, f"{place}.{name}")
        for name, kind in types.items()
        if name in conf
    }
    settings = definition.settings(**values)
    definition.check_settings(settings, place)
    return settings


def check_other_settings(backend: str, conf: Mapping[str, Any], place: str) -> None:
    """Check the settings of other backends that a model has nevertheless.

    Its backend ignores them, but it may be chosen on the command line, and a wrong value is a
    mistake in any case.

    Args:
        backend: the name of the model's backend.
        conf: values by name.
        place: of `conf` in the configuration, for messages.

    Raises:
        ConfigError: a value is not allowed.
    """
    for name, definition in list_backends().items():
        defaults = {own.name: get_default(own) for own in fields(definition.settings)}
        is_set = any(
            conf.get(own, default) not in (default, None) for own, default in defaults.items()
        )
        if name != backend and is_set:
            build_backend_settings(name, conf, place)


def list_setting_types() -> dict[str, tuple[Any, Any]]:
    """Return the own settings of all backends: the type and the default by name.

    Raises:
        ConfigError: two backends declare one name with different types or defaults.
    """
    found: dict[str, tuple[Any, Any]] = {}
    declared_by: dict[str, str] = {}
    for backend, definition in list_backends().items():
        types = _resolve_types(definition.settings)
        for own in fields(definition.settings):
            declared = types[own.name], get_default(own)
            if found.setdefault(own.name, declared) != declared:
                msg = (
                    f"the backend {backend} declares the setting {own.name} with another type or "
                    f"default than {declared_by[own.name]}; give it another name"
                )
                raise ConfigError(msg)
            declared_by.setdefault(own.name, backend)
    return found


def list_setting_names(backend: str) -> frozenset[str]:
    """Return the names of a backend's own settings.

    Raises:
        ConfigError: there is no such backend.
    """
    return frozenset(own.name for own in fields(find_backend(backend).settings))


def list_neutral_settings() -> frozenset[str]:
    """Return the names of all backends' settings that change no text: speed, access, keys."""
    return frozenset().union(
        *(list_neutral_fields(each.settings) for each in list_backends().values())
    )


def list_nameless_settings() -> frozenset[str]:
    """Return the names of all backends' settings on which no default name of a run depends."""
    return frozenset(
        own.name
        for definition in list_backends().values()
        for own in fields(definition.settings)
        if not own.metadata.get("in_run_name", True)
    )


def is_tuple_type(kind: Any) -> bool:
    """Whether a type is a tuple, whose setting may be configured as one value or a list."""
    return get_origin(kind) is tuple


@cache
def _resolve_types(settings: type) -> dict[str, Any]:
    return dict(_iterate_types(settings))


def _iterate_types(settings: type) -> Iterator[tuple[str, Any]]:
    types = get_type_hints(settings)
    for own in fields(settings):
        yield own.name, types[own.name]


def _convert_value(value: Any, kind: Any, place: str) -> Any:
    """Return a value of the configuration as its setting has it: lists become tuples.

    Raises:
        ConfigError: an element of a list has the wrong type.
    """
    if not is_tuple_type(kind):
        return value
    element = get_args(kind)[0]
    values = [] if value is None else value if isinstance(value, (list, tuple)) else [value]
    for each in values:
        if not isinstance(each, element):
            msg = f"{place}={value}: must be one value or a list, each a {element.__name__}"
            raise ConfigError(msg)
    return tuple(values)
