"""From lm-eval's results to scores: every task and metric, and the figure of the whole benchmark."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalharness.domain import BenchmarkScore
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.benchmarks.preparation import PreparedBenchmark
    from evalharness.domain import BenchmarkSpec, SuiteSpec

_ABOUT_A_TASK = ("alias", "name", "sample_len", "sample_count")
_PREFERRED = "acc_norm"
_PLAIN_FILTER = "none"


def scores(
    results: Mapping[str, Any],
    prepared: PreparedBenchmark,
    *,
    model: str,
    suite: str,
    chat_template: bool,
) -> tuple[BenchmarkScore, ...]:
    """Return the scores: first that of the whole benchmark, then each task's and group's.

    Raises:
        ConfigError: the benchmark's metric is not among those of its tasks.
    """
    by_task: Mapping[str, Mapping[str, Any]] = results["results"]
    spec = prepared.spec
    sizes = {name: results["n-samples"][name]["effective"] for name in prepared.tasks}
    total = sum(sizes.values())
    shots = results["n-shot"]
    base = BenchmarkScore(
        model=model,
        benchmark=spec.name,
        task=spec.name,
        metric="",
        value=math.nan,
        stderr=None,
        n=total,
        few_shot=max(int(shots[name]) for name in prepared.tasks),
        harness_version=prepared.harness_version,
        suite=suite,
        chat_template=chat_template,
    )
    details = [
        replace(
            base,
            task=task,
            metric=_metric(key),
            value=float(values[key]),
            stderr=_stderr(values, key),
            n=sizes.get(task, total if task == spec.task else _group_size(results, task, sizes)),
            few_shot=int(shots.get(task, base.few_shot)),
        )
        for task, values in by_task.items()
        for key in _keys(values)
    ]
    whole = _headline(by_task, prepared, base)
    own = (whole.task, whole.metric, whole.value)
    others = [each for each in details if (each.task, each.metric, each.value) != own]
    return (whole, *(_told_apart(each, whole) for each in others))


def normalize_score(value: float, lower_bound: float) -> float:
    """Return a share with guessing at 0 and perfection at 1; worse than guessing is 0.

    As the Open LLM Leaderboard v2 did.
    """
    return max(0.0, (value - lower_bound) / (1 - lower_bound))


def average(found: Sequence[BenchmarkScore], suite: SuiteSpec) -> BenchmarkScore | None:
    """Return the mean over all benchmarks of a suite for one model; None while one is missing.

    Args:
        found: the model's figures of whole benchmarks.
        suite: what belongs to the suite.
    """
    names = [spec.name for spec in suite.benchmarks]
    by_name = {score.benchmark: score for score in found if score.benchmark in names}
    if not suite.average or len(by_name) < len(names):
        return None
    members = [by_name[name] for name in names]
    normalized = [each.normalized for each in members if each.normalized is not None]
    return replace(
        members[0],
        benchmark=suite.name,
        task=suite.name,
        metric="average",
        value=math.fsum(each.value for each in members) / len(members),
        stderr=_stderr_of_mean([each.stderr for each in members]),
        normalized=(
            math.fsum(normalized) / len(normalized) if len(normalized) == len(members) else None
        ),
        n=sum(each.n for each in members),
        few_shot=max(each.few_shot for each in members),
        suite=suite.name,
        headline=True,
    )


def _told_apart(score: BenchmarkScore, whole: BenchmarkScore) -> BenchmarkScore:
    """Return lm-eval's mean over a group, marked where the benchmark's own is another one."""
    if (score.task, score.metric) != (whole.task, whole.metric):
        return score
    return replace(score, metric=f"{score.metric}, by size")


def _headline(
    by_task: Mapping[str, Mapping[str, Any]], prepared: PreparedBenchmark, base: BenchmarkScore
) -> BenchmarkScore:
    spec = prepared.spec
    keys = _chosen(spec, by_task[prepared.tasks[0]])
    of_group = by_task.get(spec.task, {})
    if spec.mean == "group" and all(key in of_group for key in keys):
        value, stderr = _over_metrics(of_group, keys)
    else:
        each = [_over_metrics(by_task[name], keys) for name in prepared.tasks]
        value = math.fsum(value for value, _ in each) / len(each)
        stderr = _stderr_of_mean([stderr for _, stderr in each])
    normalized = None
    if spec.lower_bounds:
        shares = [
            normalize_score(_over_metrics(by_task[name], keys)[0], spec.lower_bounds[name])
            for name in prepared.tasks
        ]
        normalized = math.fsum(shares) / len(shares)
    elif spec.lower_bound is not None:
        normalized = normalize_score(value, spec.lower_bound)
    return replace(
        base,
        metric=" + ".join(_metric(key) for key in keys),
        value=value,
        stderr=stderr,
        normalized=normalized,
        headline=True,
    )


def _chosen(spec: BenchmarkSpec, values: Mapping[str, Any]) -> list[str]:
    """Return lm-eval's keys for the metrics whose mean is the figure.

    Raises:
        ConfigError: a task has no such metric.
    """
    keys = _keys(values)
    if not spec.metrics:
        preferred = [key for key in keys if _metric(key) == _PREFERRED]
        return (preferred or keys)[:1]
    by_name = {
        name: key for key in reversed(keys) for name in (key.partition(",")[0], _metric(key))
    }
    for name in spec.metrics:
        if name not in by_name:
            there = ", ".join(_metric(key) for key in keys)
            msg = f"benchmarks.{spec.name}: {spec.task} has no metric {name!r}; there are: {there}"
            raise ConfigError(msg)
    return [by_name[name] for name in spec.metrics]


def _over_metrics(values: Mapping[str, Any], keys: Sequence[str]) -> tuple[float, float | None]:
    """Return the mean over metrics of a task, and its error if the metrics err together.

    Metrics of the same examples do, so that the mean's error is at most the mean of their errors.
    """
    errors = [_stderr(values, key) for key in keys]
    known = [error for error in errors if error is not None]
    mean = math.fsum(float(values[key]) for key in keys) / len(keys)
    return mean, sum(known) / len(keys) if len(known) == len(keys) else None


def _stderr_of_mean(errors: Sequence[float | None]) -> float | None:
    """Return the error of a plain mean over independent tasks."""
    known = [error for error in errors if error is not None]
    if len(known) < len(errors):
        return None
    return math.sqrt(math.fsum(error**2 for error in known)) / len(known)


def _keys(values: Mapping[str, Any]) -> list[str]:
    """Return lm-eval's keys of values, `metric,filter`; text and errors are none."""
    return [
        key
        for key, value in values.items()
        if key not in _ABOUT_A_TASK
        and "_stderr," not in key
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    ]


def _metric(key: str) -> str:
    name, _, applied = key.partition(",")
    return name if applied in ("", _PLAIN_FILTER) else key


def _stderr(values: Mapping[str, Any], key: str) -> float | None:
    name, _, applied = key.partition(",")
    error = values.get(f"{name}_stderr,{applied}")
    return float(error) if isinstance(error, (int, float)) and not math.isnan(error) else None


def _group_size(results: Mapping[str, Any], group: str, sizes: Mapping[str, int]) -> int:
    """Return how many examples the tasks of a group, or of its groups, have together."""
    if group in sizes:
        return sizes[group]
    members = results.get("group_subtasks", {}).get(group, ())
    return sum(_group_size(results, member, sizes) for member in members)
