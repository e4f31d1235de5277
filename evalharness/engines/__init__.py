"""Where models that take memory run: on this machine, or on the nodes of a Ray cluster.

Models behind endpoints are asked from here whatever the engine, for their memory is elsewhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from evalharness import backends

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalharness.domain import Backend, ModelSpec

LOCAL, RAY = "local", "ray"
NAMES = (LOCAL, RAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """Where models that take memory run, and how much of it.

    Attributes:
        name: `local` or `ray`.
        address: of a Ray cluster; None starts Ray on this machine, or takes `RAY_ADDRESS`.
        replicas: copies of a model; None makes as many as the nodes have room for.
        num_gpus: GPUs of a copy; None takes one where the nodes have some.
        num_cpus: processor cores of a copy.
        resources: what else a node must have, by Ray's own names.
        in_flight: conversations that a copy works on at a time.
        models_at_once: models that are in memory at the same time; the others wait.
    """

    name: str = LOCAL
    address: str | None = None
    replicas: int | None = None
    num_gpus: float | None = None
    num_cpus: float = 1.0
    resources: Mapping[str, float] = field(default_factory=dict)
    in_flight: int = 64
    models_at_once: int = 1


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
