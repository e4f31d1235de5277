"""The verb `audit`: measure the reliability of a run's judges, and print their health card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb, print_report_path
from evalharness.cli.overrides.settings import add_against, parse_settings
from evalharness.cli.terminal.exit_codes import CANNOT_TELL, FAILED, OK
from evalharness.cli.terminal.output import print_lines, print_problems

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evalharness.runner import AuditOutcome

_GATE = "--gate"


def run_audit(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Audit the judges of a run, or check them for drift; return the exit code.

    Raises:
        KeyboardInterrupt: the user interrupted the audit; every reply was saved.
    """
    from evalharness.cli.overrides.drift import names_drift_check, run_drift_command

    if names_drift_check(arguments):
        return run_drift_command(parser, arguments, only_plan=False)
    add_against(parser)
    parser.add_argument(
        _GATE,
        action="store_true",
        help="exit with 1 if a rate failed, 3 if one has too few questions",
    )
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
    if _GATE in arguments:
        return _gate_code(outcome)
    return FAILED if outcome.problems else OK


def _gate_code(outcome: AuditOutcome) -> int:
    """Return 1 if a rate failed, 3 if one cannot be told or a probe has no reply, otherwise 0."""
    if any(judge.missed for judge in outcome.card.judges):
        return FAILED
    is_unknown = outcome.problems or any(judge.undecided for judge in outcome.card.judges)
    return CANNOT_TELL if is_unknown else OK


VERB = Verb(
    name="audit",
    summary="The judge's health card: its habits in a run, and probes whose right result is known.",
    run=run_audit,
    is_decision=True,
)
