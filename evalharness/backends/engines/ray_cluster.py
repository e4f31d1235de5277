"""Run models on the nodes of a Ray cluster, or on this machine by Ray.

    engine=ray                                    Ray on this machine
    engine=ray engine.address=HOST:6379           a cluster; `auto` for the one of this machine

Every node needs the same version of evalharness, and the weights, in a shared folder or from the hub.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from evalharness.backends.discovery import find_backend
from evalharness.backends.engines.replica import Replica
from evalharness.backends.engines.replica_pool import ReplicaPool
from evalharness.backends.shared_resources import SharedResources
from evalharness.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalharness.backends.engines.settings import EngineSpec
    from evalharness.domain import Backend, Completion, ModelSpec, Request

_OBJECT_STORE_BYTES = 128 << 20  # requests and completions are small and do not use it
_PROBE_TIMEOUT_S = 3.0
_NODE_REPLY_TIMEOUT_S = 120.0
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"
"""The first bytes of an HTTP/2 client such as Ray; a server replies with a settings frame."""
_FRAME_BYTES = 9
_SETTINGS_FRAME = b"\x04"
_LOCAL_ADDRESSES = (None, "auto", "local")


def connect_on_node(spec: ModelSpec) -> Backend:
    """Return a model that runs in the calling process, which is a replica on a node."""
    return find_backend(spec.backend).connect(spec)


def explain_missing_on_node(spec: ModelSpec) -> str | None:
    """Return what prevents loading a model on the calling node, or None."""
    return find_backend(spec.backend).explain_missing(spec)


@contextmanager
def open_ray_engine(spec: EngineSpec) -> Iterator[RayEngine]:
    """Join or start a cluster, and leave it at the end.

    Raises:
        ConfigError: Ray is missing, or the cluster cannot be reached.
    """
    if importlib.util.find_spec("ray") is None:
        msg = "engine=ray: Ray is not installed: pip install 'evalharness[ray]'"
        raise ConfigError(msg)
    address = spec.address or os.environ.get("RAY_ADDRESS") or None
    if address not in _LOCAL_ADDRESSES:
        _check_reachable(address)  # before Ray is imported, which takes seconds
    import ray

    joins = not ray.is_initialized()
    if joins:
        _join_cluster(address)
    try:
        yield RayEngine(spec)
    finally:
        if joins:
            ray.shutdown()


def _join_cluster(address: str | None) -> None:
    """Join a cluster, or start Ray on this machine if there is no address.

    Raises:
        ConfigError: the cluster cannot be reached.
    """
    import ray

    place: dict[str, Any] = {"address": address}
    if address in (None, "local"):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        place = {"address": "local", "include_dashboard": False}
        place["object_store_memory"] = _OBJECT_STORE_BYTES
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **place)
    except (OSError, RuntimeError, ValueError) as error:  # of other versions, at a wrong port, ...
        said = " ".join(str(error).split())[:200]
        msg = (
            f"engine.address={address}: no Ray cluster can be joined there: {said}; it must be of "
            "the same release, and one that wants a token needs RAY_AUTH_MODE=token"
        )
        raise ConfigError(msg) from error


def _check_reachable(address: str) -> None:
    """Refuse an address without a Ray server; Ray itself would wait minutes for it.

    Raises:
        ConfigError: with the reason in one line.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not (host and colon and port.isdecimal()):
        msg = f"engine.address={address}: must be HOST:PORT, or auto for Ray on this machine"
        raise ConfigError(msg)
    try:
        with socket.create_connection((host, int(port)), timeout=_PROBE_TIMEOUT_S) as connection:
            connection.sendall(_HTTP2_PREFACE)
            answer = connection.recv(_FRAME_BYTES)
    except OSError as error:
        msg = f"engine.address={address}: no Ray cluster can be reached there ({error})"
        raise ConfigError(msg) from error
    if answer[3:4] != _SETTINGS_FRAME and not os.environ.get("RAY_USE_TLS"):
        msg = f"engine.address={address}: what listens there is no Ray cluster"
        raise ConfigError(msg)


class RayEngine:
    """The nodes of a cluster, and the pools of replicas on them."""

    def __init__(
        self, spec: EngineSpec, connect: Callable[[ModelSpec], Backend] = connect_on_node
    ) -> None:
        """Read the resources of the nodes.

        Raises:
            ConfigError: no node has room for a replica, and `replicas` is not set.
        """
        self._spec = spec
        self._connect = connect
        self._pools: SharedResources[ReplicaPool] = SharedResources()
        self._needs = _needs(spec)
        self._replicas = spec.replicas or max(1, self._room() // spec.models_at_once)

    def missing(self, spec: ModelSpec) -> str | None:
        """Return what prevents calls to this model, or None.

        A node checks weights and memory, because the model is loaded there.
        """
        if find_backend(spec.backend).name_memory(spec) is None:
            return explain_missing_on_node(spec)
        import ray

        look = ray.remote(explain_missing_on_node).options(**self._options(), max_retries=1)
        try:
            found: str | None = ray.get(look.remote(spec), timeout=_NODE_REPLY_TIMEOUT_S)
        except ray.exceptions.GetTimeoutError:
            return f"no node of the cluster was free to look for it within {_NODE_REPLY_TIMEOUT_S:.0f} s"
        except ray.exceptions.RayError as error:
            return f"a node of the cluster failed: {str(error).strip().splitlines()[-1]}"
        return found

    def connect(self, spec: ModelSpec) -> Backend:
        """Return the model: on the nodes if it takes memory, else in this process."""
        weights = find_backend(spec.backend).name_memory(spec)
        return connect_on_node(spec) if weights is None else self.pooled(spec, weights)

    def pooled(self, spec: ModelSpec, weights: str) -> Backend:
        """Return the model in a pool of replicas that all models with the same weights share."""
        pool = self._pools.acquire(weights, lambda: self._new_pool(spec))
        return _PooledBackend(spec, pool, lambda: self._pools.release(weights))

    def _new_pool(self, spec: ModelSpec) -> ReplicaPool:
        import ray

        # No retries by Ray: the process of the run retries, so that it can count attempts.
        actor = ray.remote(Replica).options(
            **self._options(),
            max_concurrency=self._spec.in_flight,
            max_restarts=0,
            max_task_retries=0,
        )
        return ReplicaPool(
            spec.name,
            lambda: actor.remote(self._connect),
            replicas=self._replicas,
            in_flight=self._spec.in_flight,
        )

    def _options(self) -> dict[str, Any]:
        return {
            "num_cpus": self._needs["CPU"],
            "num_gpus": self._needs["GPU"],
            "resources": dict(self._spec.resources),
            "scheduling_strategy": "SPREAD",
        }

    def _room(self) -> int:
        """Return the number of replicas for which the nodes have room.

        Raises:
            ConfigError: there is no room, and `replicas` is not set.
        """
        needs = {name: need for name, need in self._needs.items() if need}
        room = sum(_count_fitting_replicas(node, needs) for node in _list_live_nodes())
        if room == 0 and self._spec.replicas is None:
            need = ", ".join(f"{need:g} {name}" for name, need in needs.items())
            msg = (
                f"engine=ray: no node has room for a replica ({need}); lower engine.num_gpus, "
                "engine.num_cpus or engine.resources, or set engine.replicas to wait for nodes"
            )
            raise ConfigError(msg)
        return room


def _needs(spec: EngineSpec) -> dict[str, float]:
    """Return the resources that a replica takes of a node, by Ray's names."""
    gpus = spec.num_gpus
    if gpus is None:
        gpus = 1.0 if any(node.get("GPU") for node in _list_live_nodes()) else 0.0
    return {"CPU": spec.num_cpus, "GPU": gpus, **spec.resources}


def _list_live_nodes() -> list[dict[str, float]]:
    """Return the resources of each live node."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _count_fitting_replicas(node: dict[str, float], needs: dict[str, float]) -> int:
    return int(min((node.get(name, 0.0) // need for name, need in needs.items()), default=1))


class _PooledBackend:
    """A model that runs in a pool of replicas."""

    def __init__(
        self, spec: ModelSpec, pool: ReplicaPool, is_last_user: Callable[[], bool]
    ) -> None:
        self._spec = spec
        self._pool = pool
        self._is_last_user = is_last_user

    async def complete(self, request: Request) -> Completion:
        return await self._pool.ask(self._spec, request)

    async def lend(self, _work: object) -> NoReturn:
        msg = "standard benchmarks use weights in the run's own process: set engine=local"
        raise PermanentError(msg, reason="engine")

    async def close(self) -> None:
        if self._is_last_user():
            with suppress(ConnectionError):
                await self._pool.close()
