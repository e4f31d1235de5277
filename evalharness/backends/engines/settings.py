"""Where models that take memory run, as configured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL_ENGINE = "local"
RAY_ENGINE = "ray"
ENGINE_NAMES = (LOCAL_ENGINE, RAY_ENGINE)


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

    name: str = LOCAL_ENGINE
    address: str | None = None
    replicas: int | None = None
    num_gpus: float | None = None
    num_cpus: float = 1.0
    resources: Mapping[str, float] = field(default_factory=dict)
    in_flight: int = 64
    models_at_once: int = 1
