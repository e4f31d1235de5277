"""The one seam for models: `await backend.complete(request)`.

A backend is a module with three functions:

    missing(spec) -> str | None     what stands in the way of asking this model (weights, key,
                                    server), said without heavy imports; None when nothing does
    occupies(spec) -> str | None    the memory of this machine that the model takes (the same text
                                    for shared weights); None when it takes none
    connect(spec) -> Backend        the model, ready to be asked

and, where its models can do more, or less, for standard benchmarks than write text:

    access(spec) -> Access          see `Access`

Our own modules stand in this folder; other packages add theirs through the entry point group
`evalharness.backends` (name: the backend's name, value: such a module).

When a run is interrupted, whoever waits in `complete` is cancelled. A backend whose calls cost money
holds `on_the_wire()` while a server works on one: that call is waited for, and kept.
"""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, cast

from evalharness.domain import ModelAccess
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from evalharness.domain import Backend, ModelSpec

ENTRY_POINT_GROUP = "evalharness.backends"


class BackendModule(Protocol):
    """What a backend's module offers."""

    def missing(self, spec: ModelSpec) -> str | None:
        """Return what stands in the way of asking this model, or None.

        Args:
            spec: the model as configured.
        """
        ...

    def occupies(self, spec: ModelSpec) -> str | None:
        """Return a name for the memory that the model takes here, or None.

        Args:
            spec: the model as configured.
        """
        ...

    def connect(self, spec: ModelSpec) -> Backend:
        """Return the model, ready to be asked.

        Args:
            spec: the model as configured.
        """
        ...


def find_backend(name: str) -> BackendModule:
    """Return the module of a backend.

    Args:
        name: as in a model's `backend`: a module of this folder, or another package's entry point.

    Raises:
        ConfigError: there is no backend of that name.
    """
    module = f"{__package__}.{name}"
    if name.isidentifier() and not name.startswith("_") and importlib.util.find_spec(module):
        return cast("BackendModule", importlib.import_module(module))
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return cast("BackendModule", point.load())
    msg = f"there is no backend {name!r}"
    raise ConfigError(msg)


def find_benchmark_access(spec: ModelSpec) -> ModelAccess:
    """Return what a model's backend gives of it for standard benchmarks.

    Raises:
        ConfigError: there is no such backend.
    """
    tell = getattr(find_backend(spec.backend), "access", None)
    return ModelAccess.TEXT if tell is None else ModelAccess(tell(spec))
