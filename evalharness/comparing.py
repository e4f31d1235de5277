"""Two models of a finished run compared, in words and as an exit code for scripts."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.report.numerals import counted, figure, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.leaderboard import Comparison

_UNITS = {
    "rating": (1.0, " rating points", 1),
    "score": (1.0, " points of score", 2),
    "win_rate": (100.0, " percentage points", 1),
    "benchmark": (100.0, " percentage points", 2),
}
"""By metric: what a difference is multiplied by, its unit, and its decimals."""

_SMALL = 1e-4


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Return what `compare` is told."""
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name in results/")
    parser.add_argument("model", metavar="MODEL_A", help="the model in question")
    parser.add_argument("other", metavar="MODEL_B", help="the model to hold it against")
    parser.add_argument(
        "--metric", choices=list(_UNITS), help="what to compare; the first that the run has"
    )
    parser.add_argument(
        "--max-drop",
        type=_drop,
        default=0.0,
        metavar="X",
        help="a drop that is no matter: rating points, score points, or rates in 0..1",
    )
    parser.add_argument(
        "--alpha", type=_alpha, default=0.05, metavar="A", help="1 minus the interval's level"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML for CI")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="add a summary, as to $GITHUB_STEP_SUMMARY"
    )
    return parser.parse_args(arguments)


def compare(folder: Path, given: argparse.Namespace) -> tuple[list[str], int]:
    """Return what a comparison says, and its exit code: 0 not worse, 1 worse, 3 cannot tell.

    Raises:
        ConfigError: a model is not in the run, or the run does not have this figure of both.
        InputError: a file of the run is damaged.
    """
    from evalharness import gating, leaderboard, settle
    from evalharness.leaderboard import Metric
    from evalharness.stats.differences import Decision
    from evalharness.store.benchmarks import read_values
    from evalharness.store.run_folder import read_run

    records = read_run(folder)
    found = leaderboard.compare_models(
        records,
        settle.battles_of(records),
        given.model,
        given.other,
        metric=Metric(given.metric) if given.metric else None,
        level=1 - given.alpha,
        examples=read_values(folder, (given.model, given.other)),
    )
    codes = {Decision.NOT_WORSE: 0, Decision.WORSE: 1, Decision.CANNOT_TELL: 3}
    said, decision = _lines(found, given.max_drop), found.difference.decide(given.max_drop)
    if given.junit:
        gating.write_junit(given.junit, records.name, found, decision, said)
    if given.markdown:
        gating.append_markdown(given.markdown, records.name, found, said)
    return said, codes[decision]


def _drop(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        msg = f"a drop is a number from 0 up, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _alpha(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        msg = f"alpha lies between 0 and 1, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _lines(found: Comparison, max_drop: float) -> list[str]:
    gap = found.difference
    factor, unit, digits = _UNITS[found.metric]

    def amount(value: float) -> str:
        return figure(factor * value, digits)

    known = not math.isnan(gap.low)
    interval = span(factor * gap.low, factor * gap.high, digits) if known else "unknown"
    p_value = f"p = {gap.p_value:.2g}" if gap.p_value >= _SMALL else f"p < {_SMALL}"
    said = [
        f"{found.model} against {found.other}: {found.basis}",
        f"difference  {amount(gap.value)}{unit}, {100 * gap.level:g}% interval {interval}"
        + (f", {p_value}" if not math.isnan(gap.p_value) else ""),
        f"rests on    {counted(gap.clusters, _unit(found))}, each a cluster",
    ]
    if not math.isnan(gap.detectable):
        said.append(
            f"detectable  {amount(gap.detectable)}{unit}: the smallest true difference that this "
            f"design finds {100 * gap.power:g}% of the time"
        )
    return [*said, _decision(found, max_drop, f" by more than {amount(max_drop)}{unit}")]


def _unit(found: Comparison) -> str:
    return "example" if found.metric == "benchmark" else "question"


def _decision(found: Comparison, max_drop: float, allowance: str) -> str:
    from evalharness.stats.differences import Decision

    gap, drop = found.difference, allowance if max_drop else ""
    match gap.decide(max_drop):
        case Decision.NOT_WORSE:
            return f"not worse   {found.model} is not worse{drop}: the whole interval says so"
        case Decision.WORSE:
            return f"worse       {found.model} is worse{drop}: the whole interval says so"
        case Decision.CANNOT_TELL:
            needed = gap.clusters_needed(max_drop)
            more = (
                f"; about {counted(math.ceil(needed), 'question')} would, of a difference like it"
            )
            more = more if math.isfinite(needed) else ""
            return f"cannot tell at this size whether {found.model} is worse{drop}{more}"
