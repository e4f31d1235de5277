"""The settings of an engine: where models that take memory run."""

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
    """Where models that take memory run, and what each replica gets.

    Attributes:
        name: `local` or `ray`.
        address: of a Ray cluster; None takes `RAY_ADDRESS`, or starts Ray on this machine.
        replicas: replicas of a model; None makes as many as the nodes have room for.
        num_gpus: GPUs of a replica; None takes one if the nodes have any.
        num_cpus: processor cores of a replica.
        resources: further resources of a replica, by Ray's own names.
        in_flight: conversations that a replica processes at a time.
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
