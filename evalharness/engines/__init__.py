"""Where models that take memory run: on this machine, or on the nodes of a Ray cluster.

Models behind endpoints are asked from here whatever the engine, for their memory is elsewhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from evalharness import backends
from evalharness.engines._settings import LOCAL, NAMES, RAY, EngineSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import Backend, ModelSpec


__all__ = ["LOCAL", "NAMES", "RAY", "Engine", "EngineSpec", "Local", "opened"]


class Engine(Protocol):
    """Connects models where they run."""

    def missing(self, spec: ModelSpec) -> str | None:
        """Return what stands in the way of asking this model there, or None."""
        ...

    def connect(self, spec: ModelSpec) -> Backend:
        """Return the model, ready to be asked."""
        ...


class Local:
    """This machine."""

    def missing(self, spec: ModelSpec) -> str | None:
        """Return what stands in the way of asking this model from here, or None."""
        return backends.find(spec.backend).missing(spec)

    def connect(self, spec: ModelSpec) -> Backend:
        """Return the model, ready to be asked."""
        return backends.find(spec.backend).connect(spec)


@contextmanager
def opened(spec: EngineSpec) -> Iterator[Engine]:
    """Give the engine, and let go of what it holds at the end.

    Raises:
        ConfigError: a library is missing, or a cluster cannot be reached or has no room.
    """
    if spec.name != RAY:
        yield Local()
        return
    from evalharness.engines import ray_cluster

    with ray_cluster.attached(spec) as engine:
        yield engine
