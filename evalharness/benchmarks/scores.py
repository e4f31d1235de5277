"""Convert lm-eval's results to scores of tasks, groups and the whole benchmark."""

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

_NOT_METRICS = ("alias", "name", "sample_len", "sample_count")
_PREFERRED_METRIC = "acc_norm"
_NO_FILTER = "none"


def collect_scores(
    results: Mapping[str, Any],
    prepared: PreparedBenchmark,
    *,
    model: str,
    suite: str,
    chat_template: bool,
) -> tuple[BenchmarkScore, ...]:
    """Return the score of the whole benchmark, followed by the scores of its tasks and groups.

    Args:
        results: the results of lm-eval.
        prepared: the benchmark.
        model: the name of the model.
        suite: the name of the suite.
        chat_template: whether prompts went through the model's chat template.

    Raises:
        ConfigError: its tasks do not have the benchmark's metric.
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
            metric=_name_metric(key),
            value=float(values[key]),
            stderr=_read_stderr(values, key),
            n=sizes.get(
                task, total if task == spec.task else _count_examples(results, task, sizes)
            ),
            few_shot=int(shots.get(task, base.few_shot)),
        )
        for task, values in by_task.items()
        for key in _list_metric_keys(values)
    ]
    whole = _score_whole_benchmark(by_task, prepared, base)
    own = (whole.task, whole.metric, whole.value)
    others = [each for each in details if (each.task, each.metric, each.value) != own]
    return (whole, *(_mark_size_weighted(each, whole) for each in others))


def normalize_score(value: float, lower_bound: float) -> float:
    """Return a share on a scale from guessing (0) to perfect (1); worse than guessing is 0.

    This is the normalization of the Open LLM Leaderboard v2.

    Args:
        value: the share, from 0 to 1.
        lower_bound: the expected share of guessing.
    """
    return max(0.0, (value - lower_bound) / (1 - lower_bound))


def average_suite(scores: Sequence[BenchmarkScore], suite: SuiteSpec) -> BenchmarkScore | None:
    """Return the mean over all benchmarks of a suite for one model; None if one is missing.

    Args:
        scores: the model's scores of whole benchmarks.
        suite: the suite, which names its benchmarks.
    """
    names = [spec.name for spec in suite.benchmarks]
    by_name = {score.benchmark: score for score in scores if score.benchmark in names}
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


def _mark_size_weighted(score: BenchmarkScore, whole: BenchmarkScore) -> BenchmarkScore:
    """Return a score; lm-eval's own mean is marked if the benchmark has another mean."""
    if (score.task, score.metric) != (whole.task, whole.metric):
        return score
    return replace(score, metric=f"{score.metric}, by size")


def _score_whole_benchmark(
    by_task: Mapping[str, Mapping[str, Any]], prepared: PreparedBenchmark, base: BenchmarkScore
) -> BenchmarkScore:
    """Return the score of the whole benchmark: a mean over its tasks, or lm-eval's own."""
    spec = prepared.spec
    keys = _choose_keys(spec, by_task[prepared.tasks[0]])
    group_values = by_task.get(spec.task, {})
    if spec.mean == "group" and all(key in group_values for key in keys):
        value, stderr = _mean_over_metrics(group_values, keys)
    else:
        task_means = [_mean_over_metrics(by_task[name], keys) for name in prepared.tasks]
        value = math.fsum(value for value, _ in task_means) / len(task_means)
        stderr = _stderr_of_mean([stderr for _, stderr in task_means])
    normalized = None
    if spec.lower_bounds:
        shares = [
            normalize_score(_mean_over_metrics(by_task[name], keys)[0], spec.lower_bounds[name])
            for name in prepared.tasks
        ]
        normalized = math.fsum(shares) / len(shares)
    elif spec.lower_bound is not None:
        normalized = normalize_score(value, spec.lower_bound)
    return replace(
        base,
        metric=" + ".join(_name_metric(key) for key in keys),
        value=value,
        stderr=stderr,
        normalized=normalized,
        headline=True,
    )


def _choose_keys(spec: BenchmarkSpec, values: Mapping[str, Any]) -> list[str]:
    """Return lm-eval's keys of the metrics whose mean is the score.

    Raises:
        ConfigError: a task does not have a metric.
    """
    keys = _list_metric_keys(values)
    if not spec.metrics:
        preferred = [key for key in keys if _name_metric(key) == _PREFERRED_METRIC]
        return (preferred or keys)[:1]
    by_name = {
        name: key for key in reversed(keys) for name in (key.partition(",")[0], _name_metric(key))
    }
    for name in spec.metrics:
        if name not in by_name:
            names = ", ".join(_name_metric(key) for key in keys)
            msg = f"benchmarks.{spec.name}: {spec.task} has no metric {name!r}; there are: {names}"
            raise ConfigError(msg)
    return [by_name[name] for name in spec.metrics]


def _mean_over_metrics(
    values: Mapping[str, Any], keys: Sequence[str]
) -> tuple[float, float | None]:
    """Return the mean over metrics of a task, and an upper bound of its standard error.

    Metrics of the same examples are correlated; the standard error of their mean is at most the mean
    of their standard errors.
    """
    errors = [_read_stderr(values, key) for key in keys]
    known_errors = [error for error in errors if error is not None]
    mean = math.fsum(float(values[key]) for key in keys) / len(keys)
    return mean, sum(known_errors) / len(keys) if len(known_errors) == len(keys) else None


def _stderr_of_mean(errors: Sequence[float | None]) -> float | None:
    """Return the standard error of an unweighted mean over independent tasks."""
    known_errors = [error for error in errors if error is not None]
    if len(known_errors) < len(errors):
        return None
    return math.sqrt(math.fsum(error**2 for error in known_errors)) / len(known_errors)


def _list_metric_keys(values: Mapping[str, Any]) -> list[str]:
    """Return lm-eval's keys (`metric,filter`) of metrics, without texts and standard errors."""
    return [
        key
        for key, value in values.items()
        if key not in _NOT_METRICS
        and "_stderr," not in key
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    ]


def _name_metric(key: str) -> str:
    name, _, filter_name = key.partition(",")
    return name if filter_name in ("", _NO_FILTER) else key


def _read_stderr(values: Mapping[str, Any], key: str) -> float | None:
    name, _, filter_name = key.partition(",")
    error = values.get(f"{name}_stderr,{filter_name}")
    return float(error) if isinstance(error, (int, float)) and not math.isnan(error) else None


def _count_examples(results: Mapping[str, Any], group: str, sizes: Mapping[str, int]) -> int:
    """Return the number of examples of a group's tasks, including those of its inner groups."""
    if group in sizes:
        return sizes[group]
    members = results.get("group_subtasks", {}).get(group, ())
    return sum(_count_examples(results, member, sizes) for member in members)
