"""The verb `compare`: print whether a model of a run is worse than another."""

from __future__ import annotations

import argparse
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import RUN_HELP, Verb, find_run_folder
from evalharness.cli.terminal.output import print_lines
from evalharness.cli.terminal.parser import ParserExit, VerbParser
from evalharness.cli.terminal.unexpected_error import summarize_error
from evalharness.errors import EvalHarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.report import RunComparison

_MIN_ALPHA = 1e-9  # the levels of intervals are kept apart from 1
_METRICS = ("rating", "score", "win_rate", "benchmark")
EXIT_CODES = {"not worse": 0, "worse": 1, "cannot tell": 3}
"""The exit code of each decision."""


def compare_models_of_run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Compare two models and return the exit code: 0 not worse, 1 worse, 3 cannot tell.

    The files for CI are written in every case: with the decision, or with why there is none.
    """
    try:
        given = parse_compare_arguments(parser, arguments)
    except ParserExit as error:
        if error.code:
            _write_error_files(_parse_what_is_readable(arguments), "the arguments were refused")
        raise
    try:
        compared = _compare(given)
    except BaseException as error:
        is_ours = isinstance(error, EvalHarnessError)
        _write_error_files(given, str(error) if is_ours else summarize_error(error))
        raise
    print_lines((*compared.lines, *compared.cautions))
    return EXIT_CODES[compared.decision.value]


def _compare(given: argparse.Namespace) -> RunComparison:
    """Return the comparison after writing it to the files for CI."""
    from evalharness.analysis import ComparisonMetric
    from evalharness.report import append_markdown_summary, compare_run_models, write_junit_report

    compared = compare_run_models(
        find_run_folder(given.run),
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
    return compared


def _write_error_files(given: argparse.Namespace, problem: str) -> None:
    """Write the files for CI where there is no decision; one that cannot be written is left out."""
    from evalharness.report import append_markdown_error, write_junit_error

    for path, write in ((given.junit, write_junit_error), (given.markdown, append_markdown_error)):
        if path:
            with suppress(OSError):
                write(path, (given.model, given.other), given.run, problem)


def _parse_what_is_readable(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the files for CI and the names in arguments that were refused."""
    parser = VerbParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    for option in ("--junit", "--markdown"):
        parser.add_argument(option, type=Path, nargs="?")
    for option in ("--metric", "--max-drop", "--alpha"):
        parser.add_argument(option, nargs="?")
    for name in ("run", "model", "other"):
        parser.add_argument(name, nargs="?", default=f"no {name}")
    return parser.parse_known_args(arguments)[0]


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
        help="the largest acceptable drop, in the unit printed: rating, score or percentage points",
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
    value = _parse_number(text)
    if not 0 <= value < math.inf:
        msg = f"a drop is a number from 0 up, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _parse_alpha(text: str) -> float:
    value = _parse_number(text)
    if not _MIN_ALPHA <= value < 1:
        msg = f"alpha is a number from {_MIN_ALPHA:g} to below 1, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _parse_number(text: str) -> float:
    """Return a number; NaN for any other text, which no range of values holds."""
    try:
        return float(text)
    except ValueError:
        return math.nan


VERB = Verb(
    name="compare",
    summary="Whether a model is worse than another in a run: exit code 0 no, 1 yes, 3 cannot tell.",
    run=compare_models_of_run,
    is_decision=True,
)
