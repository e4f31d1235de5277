"""Select one figure per model and benchmark from the scores of its tasks and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import BenchmarkScore


def collect_benchmark_values(scores: Sequence[BenchmarkScore], model: str) -> dict[str, float]:
    """Return a model's value of each benchmark, as a share of 1; a suite's average comes first.

    A benchmark's headline figure gives its value. The name includes the suite if several suites
    have a benchmark of that name. If the suite states the value of guessing, the value is
    normalized and the name says so.

    Benchmarks without a headline figure come from other programs. The task with the benchmark's
    name gives the value; otherwise it is the mean over the tasks, weighted by their sizes. If there
    are several metrics, each has a separate entry, `benchmark (metric)`.

    Args:
        scores: the scores of all models.
        model: the model.
    """
    headlines = [score for score in scores if score.headline]
    with_headline = {(score.model, score.benchmark) for score in headlines}
    values = {
        _benchmark_label(score, headlines): score.value
        if score.normalized is None
        else score.normalized
        for score in sorted(headlines, key=lambda score: score.benchmark != score.suite)
        if score.model == model
    }
    without_headline = [
        score for score in scores if (score.model, score.benchmark) not in with_headline
    ]
    return values | _values_without_headlines(without_headline, model)


def _benchmark_label(score: BenchmarkScore, headlines: Sequence[BenchmarkScore]) -> str:
    """Return the name under which a headline figure appears."""
    suites = {each.suite for each in headlines if each.benchmark == score.benchmark}
    name = f"{score.suite}: {score.benchmark}" if len(suites) > 1 else score.benchmark
    return name if score.normalized is None else f"{name} (normalized)"


def _values_without_headlines(scores: Sequence[BenchmarkScore], model: str) -> dict[str, float]:
    """Return a model's values of benchmarks without a headline figure."""
    model_scores = [score for score in scores if score.model == model]
    metrics: dict[str, set[str]] = {}
    for score in scores:
        metrics.setdefault(score.benchmark, set()).add(score.metric)
    values = {}
    for benchmark, metric in dict.fromkeys(
        (score.benchmark, score.metric) for score in model_scores
    ):
        name = benchmark if len(metrics[benchmark]) == 1 else f"{benchmark} ({metric})"
        matching = [
            score
            for score in model_scores
            if (score.benchmark, score.metric) == (benchmark, metric)
        ]
        values[name] = _weighted_value(matching, benchmark)
    return values


def _weighted_value(scores: Sequence[BenchmarkScore], benchmark: str) -> float:
    """Return the value of the benchmark's own task, or the mean over tasks weighted by size."""
    weighted = [score for score in scores if score.task == benchmark] or scores
    weights = [max(score.n, 1) for score in weighted]
    total = sum(score.value * weight for score, weight in zip(weighted, weights, strict=True))
    return total / sum(weights)
