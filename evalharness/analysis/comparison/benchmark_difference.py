"""Compare two models on benchmarks, example by example where both have the same examples."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats import DifferenceTest, t_test_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import BenchmarkScore

    ExampleValues = Mapping[tuple[str, int], float]
    """Values of a benchmark's figure by task and number of the example."""

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class _BenchmarkGap:
    """The difference on one benchmark.

    Attributes:
        value: the difference.
        standard_error: the standard error of the difference.
        examples: the number of examples.
        paired: whether the examples are paired.
    """

    value: float
    standard_error: float
    examples: int
    is_paired: bool


def compare_on_benchmarks(
    scores: Sequence[BenchmarkScore],
    examples: Mapping[str, Mapping[str, ExampleValues]],
    pair: tuple[str, str],
    level: float,
) -> tuple[DifferenceTest, str] | None:
    """Return the mean difference over shared benchmarks, tested; None if there are none.

    Differences are paired if the examples of both models are known and reproduce both figures.
    Otherwise the examples are treated as independent, which is conservative if both models find the
    same examples hard. Figures from 0 to 1 have intervals that hold on few examples too.

    Args:
        scores: the scores of the run.
        examples: the values of single examples, by `suite/benchmark` and model.
        pair: the two models.
        level: the level of the interval.
    """
    first, second = (_headline_scores(scores, name) for name in pair)
    shared = sorted(first.keys() & second.keys())
    if not shared:
        return None
    differences = [
        _measure_gap((first[key], second[key]), examples.get("/".join(key[:2]), {}), pair)
        for key in shared
    ]
    error = math.sqrt(sum(difference.standard_error**2 for difference in differences)) / len(
        differences
    )
    value = sum(difference.value for difference in differences) / len(differences)
    fewest_examples = min(difference.examples for difference in differences)
    paired_count = sum(difference.is_paired for difference in differences)
    pairing = (
        "example by example"
        if paired_count == len(differences)
        else f"{paired_count} of them example by example"
    )
    basis = (
        f"the mean over {len(differences):,} benchmarks, {pairing}"
        if paired_count
        else (f"the mean over {len(differences):,} benchmarks, their examples taken as independent")
    )
    in_unit_interval = all(
        0 <= scores[key].value <= 1 for scores in (first, second) for key in shared
    )
    scale = (-1.0, 1.0) if in_unit_interval and math.isfinite(error) else None
    return t_test_difference(value, error, fewest_examples, level=level, scale=scale), basis


def _headline_scores(
    scores: Sequence[BenchmarkScore], model: str
) -> dict[tuple[str, str, str, str], BenchmarkScore]:
    """Return a model's figures of whole benchmarks; all of its scores if there are none."""
    model_scores = [score for score in scores if score.model == model]
    headlines = [
        score for score in model_scores if score.headline and score.benchmark != score.suite
    ]
    return {
        (score.suite, score.benchmark, score.task, score.metric): score
        for score in headlines or model_scores
    }


def _measure_gap(
    scores: tuple[BenchmarkScore, BenchmarkScore],
    examples: Mapping[str, ExampleValues],
    pair: tuple[str, str],
) -> _BenchmarkGap:
    """Return the difference on one benchmark with its standard error."""
    value = scores[0].value - scores[1].value
    values = [examples.get(name, {}) for name in pair]
    if values[0] and values[0].keys() == values[1].keys():
        differences = {key: values[0][key] - values[1][key] for key in values[0]}
        for mean in (_mean_over_examples, _mean_over_tasks):
            if all(
                abs(mean(model_values)[0] - score.value) < _TOLERANCE
                for model_values, score in zip(values, scores, strict=True)
            ):
                error = mean(differences)[1]
                return _BenchmarkGap(
                    value=value, standard_error=error, examples=len(differences), is_paired=True
                )
    errors = [math.nan if score.stderr is None else score.stderr for score in scores]
    return _BenchmarkGap(
        value=value,
        standard_error=math.hypot(*errors),
        examples=min(score.n for score in scores),
        is_paired=False,
    )


def _mean_over_examples(values: ExampleValues) -> tuple[float, float]:
    """Return the mean over examples with its standard error."""
    numbers = np.array([*values.values()])
    error = numbers.std(ddof=1) / math.sqrt(len(numbers)) if len(numbers) > 1 else math.nan
    return float(numbers.mean()), float(error)


def _mean_over_tasks(values: ExampleValues) -> tuple[float, float]:
    """Return the mean over tasks of equal weight with its standard error."""
    by_task: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for key, value in values.items():
        by_task[key[0]][key] = value
    means, errors = zip(
        *(_mean_over_examples(task_values) for task_values in by_task.values()), strict=True
    )
    return sum(means) / len(means), math.sqrt(sum(error**2 for error in errors)) / len(means)
