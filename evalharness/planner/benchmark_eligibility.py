"""Determine which benchmarks each model of a run can take part in, and compute the key of a result."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.backends import RAY_ENGINE, find_backend, find_benchmark_access
from evalharness.benchmarks import prepare_suite, refuse_unreachable_data
from evalharness.domain import ModelAccess, compute_digest
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalharness.backends import EngineSpec
    from evalharness.benchmarks import PreparedBenchmark
    from evalharness.domain import ModelSpec, RunSpec


@dataclass(frozen=True, slots=True)
class BenchmarkPlan:
    """The benchmarks of a run.

    Attributes:
        models: the models of the run.
        by_model: the benchmarks that each model can take part in, by the name of the model.
        left_out: a sentence for each benchmark that a model cannot take part in.
    """

    models: tuple[ModelSpec, ...]
    by_model: Mapping[str, tuple[PreparedBenchmark, ...]]
    left_out: tuple[str, ...]


NO_BENCHMARKS = BenchmarkPlan((), {}, ())


def plan_benchmarks(spec: RunSpec) -> BenchmarkPlan:
    """Return the benchmarks that a run's models can take part in. No model is called.

    Raises:
        ConfigError: a task, data or lm-eval is missing, or a model can take part in no benchmark.
        InputError: a file of tasks or data is invalid.
    """
    if not spec.suite.benchmarks:
        return NO_BENCHMARKS
    prepared = prepare_suite(spec.suite)
    for each in prepared:
        refuse_unreachable_data(each)
    of: dict[str, tuple[PreparedBenchmark, ...]] = {}
    left_out: list[str] = []
    for model in spec.models:
        reasons = {each.spec.name: _reason_not_eligible(model, each) for each in prepared}
        of[model.name] = tuple(each for each in prepared if reasons[each.spec.name] is None)
        by_reason: dict[str, list[str]] = defaultdict(list)
        for name, reason in reasons.items():
            if reason is not None:
                by_reason[reason].append(name)
        said = [f"{model.name} without {', '.join(by_reason[why])}: {why}" for why in by_reason]
        if not of[model.name] and find_benchmark_access(model) is not ModelAccess.NONE:
            msg = f"benchmarks={spec.suite.name}: nothing can be asked of {'; '.join(said)}"
            raise ConfigError(msg)
        left_out += said
    if not any(of.values()):
        msg = f"benchmarks={spec.suite.name}: nothing can be asked: {'; '.join(left_out)}"
        raise ConfigError(msg)
    return BenchmarkPlan(spec.models, of, tuple(left_out))


def refuse_benchmarks_on_nodes(spec: RunSpec, engine: EngineSpec) -> None:
    """Refuse to run benchmarks on models that are loaded on the nodes of a cluster.

    Raises:
        ConfigError: the run has such models. Endpoints are benchmarked from this process.
    """
    on_weights = [
        each.name for each in spec.models if find_benchmark_access(each) is ModelAccess.WEIGHTS
    ]
    if engine.name != RAY_ENGINE or not spec.suite.benchmarks or not on_weights:
        return
    msg = (
        f"benchmarks={spec.suite.name}: lm-eval uses weights in the run's own process, and with "
        f"engine=ray those of {', '.join(on_weights)} are on the nodes; run with benchmarks=none "
        "here, and then `benchmark` with engine=local and the same run=NAME on a machine with a GPU"
    )
    raise ConfigError(msg)


def describe_benchmarks(spec: RunSpec) -> list[str]:
    """Return lines about the benchmarks of a run and their models.

    Raises:
        ConfigError: as `plan_benchmarks`.
        InputError: as `plan_benchmarks`.
    """
    planned = plan_benchmarks(spec)
    lines: list[str] = []
    for model in planned.models:
        for each in planned.by_model[model.name]:
            shots = max(each.few_shot.values())
            few = f", {each.limit} examples of each" if each.limit else ""
            lines.append(
                f"benchmark {model.name}: {each.spec.name}, tasks: {len(each.tasks)}, "
                f"{shots}-shot{few}"
            )
    return [*lines, *(f"left out  {line}" for line in planned.left_out)]


def _reason_not_eligible(model: ModelSpec, prepared: PreparedBenchmark) -> str | None:
    """Return why a model cannot take part in a benchmark, or None."""
    access = find_benchmark_access(model)
    if access is ModelAccess.NONE:
        return f"{model.backend} models answer nothing new"
    if prepared.compares and access is ModelAccess.TEXT:
        what = find_backend(model.backend).describe(model) or model.backend
        return (
            f"{what} tells no log-likelihoods, which these compare; use weights "
            f"(backend=local_transformers), or a server with models.{model.name}."
            "endpoint=completions that echoes log probabilities"
        )
    return None


def uses_chat_template(model: ModelSpec, prepared: PreparedBenchmark) -> bool:
    """Return whether prompts are chat messages; they always are if a model accepts nothing else."""
    return prepared.spec.chat_template or find_benchmark_access(model) is ModelAccess.TEXT


def benchmark_digest(model: ModelSpec, prepared: PreparedBenchmark) -> str:
    """Return the digest of everything that a result depends on."""
    identity: list[Any] = [model.backend, model.settings_identity()]
    if find_benchmark_access(model) is not ModelAccess.WEIGHTS:
        identity += [model.get_setting("api_name") or model.name]
    if uses_chat_template(model, prepared):
        identity += [model.template, model.system]
    files = [] if model.fingerprint is None else [model.fingerprint]
    return compute_digest([identity, model.context_length, prepared.digest, *files])
