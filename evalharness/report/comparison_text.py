"""Two models of a finished run compared, in words and as an exit code for scripts."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.report.number_format import format_number, format_quantity, format_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import ModelComparison

_UNIT_BY_METRIC = {
    "rating": (1.0, " rating points", 1),
    "score": (1.0, " points of score", 2),
    "win_rate": (100.0, " percentage points", 1),
    "benchmark": (100.0, " percentage points", 2),
}
"""By metric: what a difference is multiplied by, its unit, and its decimals."""

_MIN_PRINTED_P_VALUE = 1e-4


def parse_compare_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> argparse.Namespace:
    """Return what `compare` is told."""
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name in results/")
    parser.add_argument("model", metavar="MODEL_A", help="the model in question")
    parser.add_argument("other", metavar="MODEL_B", help="the model to hold it against")
    parser.add_argument(
        "--metric",
        choices=list(_UNIT_BY_METRIC),
        help="what to compare; the first that the run has",
    )
    parser.add_argument(
        "--max-drop",
        type=_parse_max_drop,
        default=0.0,
        metavar="X",
        help="a drop that is no matter: rating points, score points, or rates in 0..1",
    )
    parser.add_argument(
        "--alpha", type=_parse_alpha, default=0.05, metavar="A", help="1 minus the interval's level"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML for CI")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="add a summary, as to $GITHUB_STEP_SUMMARY"
    )
    return parser.parse_args(arguments)


def compare_run_models(folder: Path, given: argparse.Namespace) -> tuple[list[str], int]:
    """Return what a comparison says, and its exit code: 0 not worse, 1 worse, 3 cannot tell.

    Raises:
        ConfigError: a model is not in the run, or the run does not have this figure of both.
        InputError: a file of the run is damaged.
    """
    from evalharness.analysis import ComparisonMetric, compare_models
    from evalharness.judge import collect_battles
    from evalharness.report.ci_files import append_markdown_summary, write_junit_report
    from evalharness.stats import NonInferiority
    from evalharness.store import read_example_values, read_run

    records = read_run(folder)
    found = compare_models(
        records,
        collect_battles(records),
        given.model,
        given.other,
        metric=ComparisonMetric(given.metric) if given.metric else None,
        level=1 - given.alpha,
        examples=read_example_values(folder, (given.model, given.other)),
    )
    codes = {NonInferiority.NOT_WORSE: 0, NonInferiority.WORSE: 1, NonInferiority.CANNOT_TELL: 3}
    said, decision = (
        _describe_comparison(found, given.max_drop),
        found.difference.decide(given.max_drop),
    )
    if given.junit:
        write_junit_report(given.junit, records.name, found, decision, said)
    if given.markdown:
        append_markdown_summary(given.markdown, records.name, found, said)
    return said, codes[decision]


def _parse_max_drop(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        msg = f"a drop is a number from 0 up, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _parse_alpha(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        msg = f"alpha lies between 0 and 1, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _describe_comparison(found: ModelComparison, max_drop: float) -> list[str]:
    gap = found.difference
    factor, unit, digits = _UNIT_BY_METRIC[found.metric]

    def amount(value: float) -> str:
        return format_number(factor * value, digits)

    known = not math.isnan(gap.low)
    interval = format_span(factor * gap.low, factor * gap.high, digits) if known else "unknown"
    p_value = (
        f"p = {gap.p_value:.2g}"
        if gap.p_value >= _MIN_PRINTED_P_VALUE
        else f"p < {_MIN_PRINTED_P_VALUE}"
    )
    said = [
        f"{found.model} against {found.other}: {found.basis}",
        f"difference  {amount(gap.value)}{unit}, {100 * gap.level:g}% interval {interval}"
        + (f", {p_value}" if not math.isnan(gap.p_value) else ""),
        f"rests on    {format_quantity(gap.clusters, _cluster_noun(found))}, each a cluster",
    ]
    if not math.isnan(gap.detectable):
        said.append(
            f"detectable  {amount(gap.detectable)}{unit}: the smallest true difference that this "
            f"design finds {100 * gap.power:g}% of the time"
        )
    return [*said, _describe_decision(found, max_drop, f" by more than {amount(max_drop)}{unit}")]


def _cluster_noun(found: ModelComparison) -> str:
    return "example" if found.metric == "benchmark" else "question"


def _describe_decision(found: ModelComparison, max_drop: float, allowance: str) -> str:
    from evalharness.stats import NonInferiority

    gap, drop = found.difference, allowance if max_drop else ""
    match gap.decide(max_drop):
        case NonInferiority.NOT_WORSE:
            return f"not worse   {found.model} is not worse{drop}: the whole interval says so"
        case NonInferiority.WORSE:
            return f"worse       {found.model} is worse{drop}: the whole interval says so"
        case NonInferiority.CANNOT_TELL:
            needed = gap.clusters_needed(max_drop)
            more = f"; about {format_quantity(math.ceil(needed), 'question')} would, of a difference like it"
            more = more if math.isfinite(needed) else ""
            return f"cannot tell at this size whether {found.model} is worse{drop}{more}"
