"""The verb `compare`: print whether a model of a run is worse than another."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import RUN_HELP, Verb, resolve_run_folder
from evalharness.cli.terminal.output import print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

_METRICS = ("rating", "score", "win_rate", "benchmark")
_NOT_WORSE, _WORSE, _CANNOT_TELL = 0, 1, 3


def compare_models_of_run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Compare two models and return the exit code: 0 not worse, 1 worse, 3 cannot tell."""
    given = parse_compare_arguments(parser, arguments)
    from evalharness.analysis import ComparisonMetric
    from evalharness.report import append_markdown_summary, compare_run_models, write_junit_report
    from evalharness.stats import NonInferiority

    compared = compare_run_models(
        resolve_run_folder(given.run),
        given.model,
        given.other,
        metric=ComparisonMetric(given.metric) if given.metric else None,
        max_drop=given.max_drop,
        alpha=given.alpha,
    )
    if given.junit:
        write_junit_report(given.junit, compared)
    if given.markdown:
        append_markdown_summary(given.markdown, compared)
    print_lines((*compared.lines, *compared.cautions))
    return {
        NonInferiority.NOT_WORSE: _NOT_WORSE,
        NonInferiority.WORSE: _WORSE,
        NonInferiority.CANNOT_TELL: _CANNOT_TELL,
    }[compared.decision]


def parse_compare_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> argparse.Namespace:
    """Return the arguments of `compare`."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("model", metavar="MODEL_A", help="the model in question")
    parser.add_argument("other", metavar="MODEL_B", help="the model to hold it against")
    parser.add_argument(
        "--metric", choices=_METRICS, help="what to compare; the first that the run has"
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


VERB = Verb(
    name="compare",
    summary="Whether a model is worse than another in a run: exit code 0 no, 1 yes, 3 cannot tell.",
    run=compare_models_of_run,
)
