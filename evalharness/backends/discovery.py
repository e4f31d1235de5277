"""Find the backends in this folder and those that other packages add by entry point."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pkgutil
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.backends.definition import BackendDefinition
from evalharness.errors import ConfigError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

    from evalharness.backends.definition import ModelAddress
    from evalharness.domain import ModelAccess, ModelSpec

ENTRY_POINT_GROUP = "evalharness.backends"
_ATTRIBUTE = "BACKEND"
_log = logging.getLogger(__name__)


def find_backend(name: str) -> BackendDefinition:
    """Return what a backend declares.

    Args:
        name: as in a model's `backend`: a module of this folder, or another package's entry point.

    Raises:
        ConfigError: there is no backend of that name, or its package cannot be imported.
    """
    own = list_own_backends()
    if name in own:
        return own[name]
    for point in _list_entry_points():
        if point.name != name:
            continue
        try:
            return _get_definition(point.load())
        except Exception as error:  # the edge: third-party code may raise anything on import
            msg = f"the backend {name!r} ({point.value}) cannot be loaded: {error}"
            raise ConfigError(msg) from error
    known = [*own, *(point.name for point in _list_entry_points())]
    msg = f"there is no backend {name!r}"
    raise ConfigError(msg + suggest_close_match(name, known))


def list_backends() -> dict[str, BackendDefinition]:
    """Return all backends that can be loaded, by name; our own come first."""
    found = dict(list_own_backends())
    for point in _list_entry_points():
        if point.name in found:
            continue
        try:
            found[point.name] = _get_definition(point.load())
        except Exception as error:  # noqa: BLE001 - `find_backend` reports it to users of this one
            _log.warning("the backend %s cannot be loaded: %s", point.name, error)
    return found


@cache
def list_own_backends() -> Mapping[str, BackendDefinition]:
    """Return the backends of this folder, by name."""
    found = {}
    for each in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not each.ispkg:
            module = importlib.import_module(f"{__package__}.{each.name}")
            definition = getattr(module, _ATTRIBUTE, None)
            if isinstance(definition, BackendDefinition):
                found[each.name] = definition
    return found


def find_address(spec: ModelSpec) -> ModelAddress | None:
    """Return where a model is asked over a network; None for a model on this machine.

    Raises:
        ConfigError: there is no such backend.
    """
    return find_backend(spec.backend).find_address(spec)


def find_benchmark_access(spec: ModelSpec) -> ModelAccess:
    """Return what standard benchmarks may use of a model.

    Raises:
        ConfigError: there is no such backend.
    """
    return find_backend(spec.backend).find_benchmark_access(spec)


def _list_entry_points() -> tuple[EntryPoint, ...]:
    """Return the backends of other packages; the metadata of all packages is read once."""
    return _read_entry_points(tuple(sys.path))


@cache
def _read_entry_points(_path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=ENTRY_POINT_GROUP))


def _get_definition(loaded: Any) -> BackendDefinition:
    """Return the definition that an entry point names, or that its module has.

    Raises:
        TypeError: there is none.
    """
    definition = getattr(loaded, _ATTRIBUTE, loaded)
    if not isinstance(definition, BackendDefinition):
        msg = f"it has no object {_ATTRIBUTE} of the type BackendDefinition"
        raise TypeError(msg)
    return definition
