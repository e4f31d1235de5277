"""Two models compared by benchmarks: example by example where both have done the same ones."""

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
    """The difference in one benchmark, and what it rests on."""

    value: float
    standard_error: float
    examples: int
    paired: bool


def compare_on_benchmarks(
    scores: Sequence[BenchmarkScore],
    examples: Mapping[str, Mapping[str, ExampleValues]],
    pair: tuple[str, str],
    level: float,
) -> tuple[DifferenceTest, str] | None:
    """Return the mean difference over the benchmarks of both, tested; None where they share none.

    Differences are paired where the examples are known of both and make up both figures. Others
    take the examples as independent, which is never too sure where models find the same ones hard.

    Args:
        scores: the run's scores.
        examples: the values of single examples, by `suite/benchmark` and model.
        pair: the two models.
        level: the interval's.
    """
    first, second = (_headline_scores(scores, name) for name in pair)
    shared = sorted(first.keys() & second.keys())
    if not shared:
        return None
    gaps = [
        _measure_gap((first[key], second[key]), examples.get("/".join(key[:2]), {}), pair)
        for key in shared
    ]
    error = math.sqrt(sum(gap.standard_error**2 for gap in gaps)) / len(gaps)
    value = sum(gap.value for gap in gaps) / len(gaps)
    fewest = min(gap.examples for gap in gaps)
    alike = sum(gap.paired for gap in gaps)
    how = "example by example" if alike == len(gaps) else f"{alike} of them example by example"
    basis = (
        f"the mean over {len(gaps):,} benchmarks, {how}"
        if alike
        else (f"the mean over {len(gaps):,} benchmarks, their examples taken as independent")
    )
    return t_test_difference(value, error, fewest, level=level), basis


def _headline_scores(
    scores: Sequence[BenchmarkScore], model: str
) -> dict[tuple[str, str, str, str], BenchmarkScore]:
    """Return a model's figures of whole benchmarks; all of its scores where there are none such."""
    own = [each for each in scores if each.model == model]
    whole = [each for each in own if each.headline and each.benchmark != each.suite]
    return {(each.suite, each.benchmark, each.task, each.metric): each for each in whole or own}


def _measure_gap(
    both: tuple[BenchmarkScore, BenchmarkScore],
    examples: Mapping[str, ExampleValues],
    pair: tuple[str, str],
) -> _BenchmarkGap:
    value = both[0].value - both[1].value
    values = [examples.get(name, {}) for name in pair]
    if values[0] and values[0].keys() == values[1].keys():
        paired = {key: values[0][key] - values[1][key] for key in values[0]}
        for mean in (_mean_over_examples, _mean_over_tasks):
            if all(
                abs(mean(own)[0] - score.value) < _TOLERANCE
                for own, score in zip(values, both, strict=True)
            ):
                error = mean(paired)[1]
                return _BenchmarkGap(
                    value=value, standard_error=error, examples=len(paired), paired=True
                )
    errors = [math.nan if each.stderr is None else each.stderr for each in both]
    return _BenchmarkGap(
        value=value,
        standard_error=math.hypot(*errors),
        examples=min(each.n for each in both),
        paired=False,
    )


def _mean_over_examples(values: ExampleValues) -> tuple[float, float]:
    """Return the mean over examples, with its standard error."""
    numbers = np.array([*values.values()])
    error = numbers.std(ddof=1) / math.sqrt(len(numbers)) if len(numbers) > 1 else math.nan
    return float(numbers.mean()), float(error)


def _mean_over_tasks(values: ExampleValues) -> tuple[float, float]:
    """Return the mean over tasks, each counted alike, with its standard error."""
    by_task: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for key, value in values.items():
        by_task[key[0]][key] = value
    means, errors = zip(*(_mean_over_examples(own) for own in by_task.values()), strict=True)
    return sum(means) / len(means), math.sqrt(sum(error**2 for error in errors)) / len(means)
