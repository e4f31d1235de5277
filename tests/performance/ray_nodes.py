"""How much faster three nodes of a Ray cluster answer than one: scripted models of 200 ms a call.

    python tests/performance/ray_nodes.py

Nodes are simulated on this machine by `ray.cluster_utils.Cluster`, one processor each; the models
sleep, so that what is measured is the queue and not this machine's cores.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import ray
from ray.cluster_utils import Cluster

from evalharness.backends import RAY_ENGINE, EngineSpec, ScriptedBackend
from evalharness.backends.engines.ray_cluster import RayEngine
from evalharness.domain import Message, ModelSpec, Request, Role, Sampling

LATENCY_S = 0.2
QUESTIONS, TURNS = 240, 2
IN_FLIGHT = 4


def connect(spec: ModelSpec) -> ScriptedBackend:
    """Return a model that takes its time."""
    return ScriptedBackend(lambda _request: f"reply of {spec.name}", latency_s=LATENCY_S)


async def answer_all(replicas: int) -> float:
    """Return the seconds of all conversations, the start of the processes left out."""
    settings = EngineSpec(
        name=RAY_ENGINE, num_cpus=1, num_gpus=0, replicas=replicas, in_flight=IN_FLIGHT
    )
    engine = RayEngine(settings, connect)
    model = engine.pooled(ModelSpec(name="model", backend="scripted"), "model")

    async def converse(number: int) -> None:
        for turn in range(TURNS):
            message = Message(role=Role.USER, content=f"question {number}, turn {turn}")
            await model.complete(Request(messages=(message,), sampling=Sampling()))

    await asyncio.gather(*(converse(-1 - number) for number in range(replicas * IN_FLIGHT)))
    began = time.perf_counter()
    await asyncio.gather(*(converse(number) for number in range(QUESTIONS)))
    seconds = time.perf_counter() - began
    await model.close()
    return seconds


def main() -> None:
    """Print the time of one, two and three nodes, and the ratios."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": 80 << 20,
        },
    )
    for _ in range(3):
        cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    seconds = {nodes: asyncio.run(answer_all(nodes)) for nodes in (1, 2, 3)}
    ideal = QUESTIONS * TURNS * LATENCY_S / IN_FLIGHT
    for nodes, taken in seconds.items():
        sys.stdout.write(
            f"{nodes} node{'s' * (nodes > 1)}: {taken:.1f} s, {seconds[1] / taken:.2f} times one, "
            f"{ideal / nodes / taken:.0%} of the ideal\n"
        )
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
