"""The verb `audit`: measure the reliability of a run's judges, and print their health card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb, print_report_path
from evalharness.cli.overrides.settings import add_against, parse_settings
from evalharness.cli.terminal.exit_codes import FAILED, OK
from evalharness.cli.terminal.output import print_lines, print_problems

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def run_audit(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Audit the judges of a run, or check them for drift; return the exit code.

    Raises:
        KeyboardInterrupt: the user interrupted the audit; every reply was saved.
    """
    from evalharness.cli.overrides.drift import names_drift_check, run_drift_command

    if names_drift_check(arguments):
        return run_drift_command(parser, arguments, only_plan=False)
    add_against(parser)
    settings = parse_settings("audit", parser, arguments)
    if settings is None:
        return OK
    from evalharness.analysis import format_health_card
    from evalharness.cli.terminal.frontend import make_frontend
    from evalharness.runner import audit_judges

    outcome = audit_judges(settings, frontend=make_frontend())
    print_lines(format_health_card(outcome.card))
    print_problems(outcome.problems)
    print_report_path(settings.folder)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return FAILED if outcome.problems else OK


VERB = Verb(
    name="audit",
    summary="The judge's health card: its habits in a run, and probes whose right result is known.",
    run=run_audit,
)
