"""One figure a model and benchmark, out of the scores of its tasks and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import BenchmarkScore


def collect_benchmark_values(scores: Sequence[BenchmarkScore], model: str) -> dict[str, float]:
    """Return a model's value by benchmark, as a share of 1; a suite's average comes first.

    Each benchmark has the figure that stands for it (a suite's average is one as well), named by
    its suite where several suites have a benchmark of that name. Where guessing is worth
    something and the suite says how much, the value is normalized and the name says so.

    Scores without such a figure are those of other programs: the task named like the benchmark
    gives it; where there is none, the mean over its tasks, weighted by their sizes. With several
    metrics, each has its own entry, `benchmark (metric)`.
    """
    headlines = [each for each in scores if each.headline]
    told = {(each.model, each.benchmark) for each in headlines}
    values = {
        _benchmark_label(each, headlines): each.value
        if each.normalized is None
        else each.normalized
        for each in sorted(headlines, key=lambda each: each.benchmark != each.suite)
        if each.model == model
    }
    others = [each for each in scores if (each.model, each.benchmark) not in told]
    return values | _values_without_headlines(others, model)


def _benchmark_label(score: BenchmarkScore, headlines: Sequence[BenchmarkScore]) -> str:
    suites = {each.suite for each in headlines if each.benchmark == score.benchmark}
    name = f"{score.suite}: {score.benchmark}" if len(suites) > 1 else score.benchmark
    return name if score.normalized is None else f"{name} (normalized)"


def _values_without_headlines(scores: Sequence[BenchmarkScore], model: str) -> dict[str, float]:
    own = [each for each in scores if each.model == model]
    metrics: dict[str, set[str]] = {}
    for each in scores:
        metrics.setdefault(each.benchmark, set()).add(each.metric)
    values = {}
    for benchmark, metric in dict.fromkeys((each.benchmark, each.metric) for each in own):
        name = benchmark if len(metrics[benchmark]) == 1 else f"{benchmark} ({metric})"
        chosen = [each for each in own if (each.benchmark, each.metric) == (benchmark, metric)]
        values[name] = _weighted_value(chosen, benchmark)
    return values


def _weighted_value(scores: Sequence[BenchmarkScore], benchmark: str) -> float:
    whole = [each for each in scores if each.task == benchmark] or scores
    weights = [max(each.n, 1) for each in whole]
    total = sum(each.value * weight for each, weight in zip(whole, weights, strict=True))
    return total / sum(weights)
