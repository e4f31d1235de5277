"""One figure a model and benchmark, out of the scores of its tasks and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import BenchmarkScore


def benchmark_values(scores: Sequence[BenchmarkScore], model: str) -> dict[str, float]:
    """Return a model's value by benchmark.

    The task named like the benchmark gives it; where there is none, the mean over its tasks,
    weighted by their sizes. With several metrics, each has its own entry, `benchmark (metric)`.
    """
    own = [each for each in scores if each.model == model]
    metrics: dict[str, set[str]] = {}
    for each in scores:
        metrics.setdefault(each.benchmark, set()).add(each.metric)
    values = {}
    for benchmark, metric in dict.fromkeys((each.benchmark, each.metric) for each in own):
        name = benchmark if len(metrics[benchmark]) == 1 else f"{benchmark} ({metric})"
        chosen = [each for each in own if (each.benchmark, each.metric) == (benchmark, metric)]
        values[name] = _value(chosen, benchmark)
    return values


def _value(scores: Sequence[BenchmarkScore], benchmark: str) -> float:
    whole = [each for each in scores if each.task == benchmark] or scores
    weights = [max(each.n, 1) for each in whole]
    total = sum(each.value * weight for each, weight in zip(whole, weights, strict=True))
    return total / sum(weights)
