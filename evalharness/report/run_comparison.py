"""Compare two models of a finished run, and describe the result in lines of text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.analysis import compare_models
from evalharness.errors import ConfigError
from evalharness.judge import SCORE_SCALE, collect_battles
from evalharness.report.full_leaderboard import build_run_leaderboard
from evalharness.report.number_format import format_number, format_quantity, format_span
from evalharness.stats import NonInferiority
from evalharness.store import read_example_values, read_run

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.analysis import ComparisonMetric, ModelComparison

_UNIT_BY_METRIC = {
    "rating": (1.0, " rating points", 1),
    "score": (1.0, " points of score", 2),
    "win_rate": (100.0, " percentage points", 1),
    "benchmark": (100.0, " percentage points", 2),
}
"""The factor, the unit and the number of decimals of a difference, by metric."""

_LARGEST_DIFFERENCE = {
    "score": SCORE_SCALE[-1] - SCORE_SCALE[0],
    "win_rate": 100.0,
    "benchmark": 100.0,
}
"""The largest difference that a figure can have, in the unit of its differences."""

_MAX_PRINTED_QUESTIONS = 1_000_000
_MIN_PRINTED_P_VALUE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """Two models of a run compared against an allowed drop.

    Attributes:
        run: the name of the run.
        comparison: the difference between the two models, tested.
        decision: worse, not worse, or undecided, for the first model.
        lines: the comparison as text; the decision is the last line.
        cautions: what a reader must know before trusting the decision, a line each.
    """

    run: str
    comparison: ModelComparison
    decision: NonInferiority
    lines: tuple[str, ...]
    cautions: tuple[str, ...]


def compare_run_models(
    folder: Path,
    model: str,
    other: str,
    *,
    metric: ComparisonMetric | None = None,
    max_drop: float = 0.0,
    alpha: float = 0.05,
) -> RunComparison:
    """Return whether a model of a finished run is worse than another.

    Args:
        folder: the run's folder.
        model: the model in question.
        other: the model that it is compared with.
        metric: the figure that is compared; by default the first one that the run has for both.
        max_drop: the largest drop that is accepted, in the unit that is printed: rating points,
            points of score, or percentage points of win rates and benchmarks.
        alpha: 1 minus the level of the interval.

    Raises:
        ConfigError: a model is not in the run, the run does not have this figure for both, or no
            drop can be as large as `max_drop`.
        InputError: a file of the run is damaged.
    """
    records = read_run(folder)
    comparison = compare_models(
        records,
        collect_battles(records),
        model,
        other,
        metric=metric,
        level=1 - alpha,
        examples=read_example_values(folder, (model, other)),
    )
    factor, unit, _ = _UNIT_BY_METRIC[comparison.metric]
    largest = _LARGEST_DIFFERENCE.get(comparison.metric, math.inf)
    if not 0 <= max_drop < largest:
        msg = (
            f"--max-drop {max_drop:g}: a drop of the {comparison.metric.replace('_', ' ')} is a "
            f"number of{unit} from 0 to below {largest:g}"
        )
        raise ConfigError(msg)
    board = build_run_leaderboard(folder, records)
    return RunComparison(
        run=records.name,
        comparison=comparison,
        decision=comparison.difference.decide_non_inferiority(max_drop / factor),
        lines=_describe_comparison(comparison, max_drop, board.progress.stopped),
        cautions=tuple(map(str, board.cautions)),
    )


def _describe_comparison(
    comparison: ModelComparison, max_drop: float, stopped: str
) -> tuple[str, ...]:
    difference = comparison.difference
    factor, unit, digits = _UNIT_BY_METRIC[comparison.metric]

    def amount(value: float) -> str:
        return format_number(factor * value, digits)

    is_rounded = round(max_drop, digits) != max_drop
    drop = f"{max_drop:g}" if is_rounded else format_number(max_drop, digits)

    if math.isnan(difference.low):
        interval = "unknown"
    elif math.isinf(difference.low) and math.isinf(difference.high):
        interval = "open on both sides"
    else:
        interval = format_span(factor * difference.low, factor * difference.high, digits)
    p_value = (
        f"p = {difference.p_value:.2g}"
        if difference.p_value >= _MIN_PRINTED_P_VALUE
        else f"p < {_MIN_PRINTED_P_VALUE}"
    )
    lines = [
        f"{comparison.model} against {comparison.other}: {comparison.basis}",
        f"difference  {amount(difference.value)}{unit}, {100 * difference.level:.12g}% interval {interval}"
        + (f", {p_value}" if not math.isnan(difference.p_value) else ""),
        f"rests on    {format_quantity(difference.clusters, _cluster_noun(comparison))}, each a cluster",
    ]
    largest = _LARGEST_DIFFERENCE.get(comparison.metric, math.inf)
    if factor * difference.detectable > largest:
        lines.append("detectable  none: this design is too small for any difference on this scale")
    elif math.isfinite(difference.detectable):
        lines.append(
            f"detectable  {amount(difference.detectable)}{unit}: the smallest true difference that this "
            f"design finds {100 * difference.power:g}% of the time"
        )
    decision = _describe_decision(comparison, max_drop, f" by more than {drop}{unit}")
    return (*lines, f"{decision} (so far; STOPPED: {stopped})" if stopped else decision)


def _describe_needed(needed: float) -> str:
    """Return how many questions would decide about a difference like this one."""
    if needed > _MAX_PRINTED_QUESTIONS:
        return "; more than a million questions would, of a difference like it"
    return (
        f"; about {format_quantity(math.ceil(needed), 'question')} would, of a difference like it"
    )


def _cluster_noun(comparison: ModelComparison) -> str:
    return "example" if comparison.metric == "benchmark" else "question"


def _describe_decision(comparison: ModelComparison, max_drop: float, allowance: str) -> str:
    difference, drop = comparison.difference, allowance if max_drop else ""
    max_drop /= _UNIT_BY_METRIC[comparison.metric][0]
    whole = f"the whole {100 * difference.level:.12g}% interval"
    match difference.decide_non_inferiority(max_drop):
        case NonInferiority.NOT_WORSE:
            place = "within that drop" if max_drop else "above 0"
            return f"PASS        {comparison.model} is not worse{drop} ({whole} is {place})"
        case NonInferiority.WORSE:
            place = "beyond that drop" if max_drop else "below 0"
            return f"FAIL        {comparison.model} is worse{drop} ({whole} is {place})"
        case NonInferiority.CANNOT_TELL:
            needed = difference.required_clusters(max_drop)
            more = _describe_needed(needed) if math.isfinite(needed) else ""
            return f"cannot tell at this size whether {comparison.model} is worse{drop}{more}"
