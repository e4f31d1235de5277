"""Check the judges of a run for drift, for `audit --against RUN` and `plan --against RUN`.

Exit codes: 0 no change found, 1 a judge has changed, 3 cannot tell (too few replies).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.analysis import DriftFinding, format_drift_report
from evalharness.cli.arguments import add_trust_config
from evalharness.cli.terminal.exit_codes import OK
from evalharness.cli.terminal.frontend import make_frontend
from evalharness.cli.terminal.output import print_lines, print_problems
from evalharness.cli.terminal.parser import SETTING
from evalharness.config import Trust
from evalharness.report import PAGE_FILE
from evalharness.runner import describe_drift_check, prepare_drift_check, run_drift_check

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXIT_CODES = {DriftFinding.UNCHANGED: 0, DriftFinding.CHANGED: 1, DriftFinding.UNKNOWN: 3}
AGAINST_OPTION = "--against"


def names_drift_check(arguments: Sequence[str]) -> bool:
    """Return whether the arguments request a drift check: `--against RUN`."""
    return any(
        each == AGAINST_OPTION or each.startswith(f"{AGAINST_OPTION}=") for each in arguments
    )


def run_drift_command(
    parser: argparse.ArgumentParser, arguments: Sequence[str], *, only_plan: bool
) -> int:
    """Run a drift check, or print its plan; return the exit code."""
    parser.add_argument(
        AGAINST_OPTION, metavar="RUN", required=True, help="a run's folder, or its name"
    )
    parser.add_argument("overrides", metavar=SETTING, nargs="*")
    parser.add_argument("--config-dir", type=Path, metavar="DIR", help="judges of your own")
    add_trust_config(parser)
    given = parser.parse_intermixed_args(arguments)
    trust = Trust(config=given.trust_config)
    check = prepare_drift_check(given.against, given.overrides, given.config_dir, trust)
    if only_plan:
        print_lines(describe_drift_check(check))
        return OK
    outcome = run_drift_check(
        check, frontend=make_frontend(print_notice=lambda line: print_lines([line]))
    )
    print_problems(outcome.problems)
    if outcome.interrupted:
        raise KeyboardInterrupt
    print_lines([*format_drift_report(outcome.report), f"report: {check.folder / PAGE_FILE}"])
    return EXIT_CODES[outcome.report.finding]
