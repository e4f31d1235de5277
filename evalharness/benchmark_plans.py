"""Which benchmarks each model of a run can take part in, and what a result depends on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness import backends, benchmarks
from evalharness.domain import Access, digest
from evalharness.engines import RAY
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.benchmarks import Prepared
    from evalharness.domain import ModelSpec, RunSpec
    from evalharness.engines import EngineSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """Which benchmarks each model takes part in, and sentences about those that it cannot."""

    models: tuple[ModelSpec, ...]
    of: Mapping[str, tuple[Prepared, ...]]
    left_out: tuple[str, ...]


NOTHING = Plan((), {}, ())


def plan(spec: RunSpec) -> Plan:
    """Return what a run's models can be asked; nothing is asked.

    Raises:
        ConfigError: a task, data or lm-eval is missing, or a model can take part in nothing.
        InputError: a file of tasks or data is not as it should be.
    """
    if not spec.suite.benchmarks:
        return NOTHING
    prepared = benchmarks.prepare(spec.suite)
    for each in prepared:
        benchmarks.refuse_unreachable(each)
    of: dict[str, tuple[Prepared, ...]] = {}
    left_out: list[str] = []
    for model in spec.models:
        reasons = {each.spec.name: _obstacle(model, each) for each in prepared}
        of[model.name] = tuple(each for each in prepared if reasons[each.spec.name] is None)
        by_reason: dict[str, list[str]] = defaultdict(list)
        for name, reason in reasons.items():
            if reason is not None:
                by_reason[reason].append(name)
        said = [f"{model.name} without {', '.join(by_reason[why])}: {why}" for why in by_reason]
        if not of[model.name] and backends.access(model) is not Access.NONE:
            msg = f"benchmarks={spec.suite.name}: nothing can be asked of {'; '.join(said)}"
            raise ConfigError(msg)
        left_out += said
    if not any(of.values()):
        msg = f"benchmarks={spec.suite.name}: nothing can be asked: {'; '.join(left_out)}"
        raise ConfigError(msg)
    return Plan(spec.models, of, tuple(left_out))


def refuse_on_nodes(spec: RunSpec, engine: EngineSpec) -> None:
    """Refuse benchmarks of weights that are on the nodes of a cluster.

    Raises:
        ConfigError: there are some; benchmarks of endpoints are asked from here.
    """
    on_weights = [each.name for each in spec.models if backends.access(each) is Access.WEIGHTS]
    if engine.name != RAY or not spec.suite.benchmarks or not on_weights:
        return
    msg = (
        f"benchmarks={spec.suite.name}: lm-eval uses weights in the run's own process, and with "
        f"engine=ray those of {', '.join(on_weights)} are on the nodes; run with benchmarks=none "
        "here, and then `benchmark` with engine=local and the same run=NAME on a machine with a GPU"
    )
    raise ConfigError(msg)


def describe(spec: RunSpec) -> list[str]:
    """Return lines that say which benchmarks a run has, on which models.

    Raises:
        ConfigError: as `plan`.
        InputError: as `plan`.
    """
    planned = plan(spec)
    lines: list[str] = []
    for model in planned.models:
        for each in planned.of[model.name]:
            shots = max(each.few_shot.values())
            few = f", {each.limit} examples of each" if each.limit else ""
            lines.append(
                f"benchmark {model.name}: {each.spec.name}, tasks: {len(each.tasks)}, "
                f"{shots}-shot{few}"
            )
    return [*lines, *(f"left out  {line}" for line in planned.left_out)]


def _obstacle(model: ModelSpec, prepared: Prepared) -> str | None:
    """Return why a model cannot take part in a benchmark, or None."""
    access = backends.access(model)
    if access is Access.NONE:
        return f"{model.backend} models answer nothing new"
    if prepared.compares and access is Access.TEXT:
        what = "a chat endpoint" if model.backend == "openai_compatible" else model.backend
        return (
            f"{what} tells no log-likelihoods, which these compare; use weights "
            f"(backend=local_transformers), or a server with models.{model.name}."
            "endpoint=completions that echoes log probabilities"
        )
    return None


def in_chat(model: ModelSpec, prepared: Prepared) -> bool:
    """Whether prompts are conversations: as configured, and always where only these are taken."""
    return prepared.spec.chat_template or backends.access(model) is Access.TEXT


def key_of(model: ModelSpec, prepared: Prepared) -> str:
    """Return the digest of all that a result depends on."""
    identity: list[Any]
    if backends.access(model) is Access.WEIGHTS:
        identity = [model.weights, model.revision, model.gguf_file, model.dtype, model.device]
    else:
        identity = [model.backend, model.base_url, model.endpoint, model.api_version]
        identity += [model.api_name or model.name]
    if in_chat(model, prepared):
        identity += [model.template, model.system]
    return digest([identity, model.context_length, prepared.digest])
