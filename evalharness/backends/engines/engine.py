"""Connect models that take memory: on this machine, or on the nodes of a Ray cluster.

Models behind endpoints are called from this process with every engine, as their memory is elsewhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from evalharness.backends.discovery import find_backend
from evalharness.backends.engines.settings import RAY_ENGINE, EngineSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.domain import Backend, ModelSpec


class Engine(Protocol):
    """Connects models on the machines that run them."""

    def missing(self, spec: ModelSpec) -> str | None:
        """Return what prevents calls to this model there, or None."""
        ...

    def connect(self, spec: ModelSpec) -> Backend:
        """Return the model, ready to be asked."""
        ...


class InProcessEngine:
    """The engine that runs models in this process."""

    def missing(self, spec: ModelSpec) -> str | None:
        """Return what prevents calls to this model from here, or None."""
        return find_backend(spec.backend).explain_missing(spec)

    def connect(self, spec: ModelSpec) -> Backend:
        """Return the model, ready to be asked."""
        return find_backend(spec.backend).connect(spec)


@contextmanager
def open_engine(spec: EngineSpec) -> Iterator[Engine]:
    """Open an engine, and free its resources at the end.

    Raises:
        ConfigError: a library is missing, or a cluster cannot be reached or has no room.
    """
    if spec.name != RAY_ENGINE:
        yield InProcessEngine()
        return
    from evalharness.backends.engines.ray_cluster import open_ray_engine

    with open_ray_engine(spec) as engine:
        yield engine
