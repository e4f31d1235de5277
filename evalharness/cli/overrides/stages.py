"""Complete stages of a run and print the outcome, for `run`, `answer`, `judge` and `benchmark`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import format_command, print_report_path
from evalharness.cli.overrides.settings import add_stage_options, parse_settings
from evalharness.cli.terminal.exit_codes import FAILED, OK
from evalharness.cli.terminal.output import print_lines, print_problems

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def run_stages(
    verb: str, parser: argparse.ArgumentParser, arguments: Sequence[str], stages: Sequence[str]
) -> int:
    """Complete stages of a run, publish it even after an interrupt, and return the exit code.

    Raises:
        KeyboardInterrupt: the user interrupted the work; everything was saved and published.
    """
    from evalharness.cli.overrides.multirun import run_requested_jobs

    remaining = run_requested_jobs(arguments, stages)
    add_stage_options(parser)
    settings = parse_settings(verb, parser, remaining.arguments)
    if settings is None:
        return OK
    from evalharness.cli.terminal.frontend import make_frontend
    from evalharness.runner import complete_run

    outcome = complete_run(
        settings, remaining.stages, format_command(verb, arguments), frontend=make_frontend()
    )
    problems = (*remaining.problems, *outcome.problems)
    print_lines(outcome.finding.splitlines())
    print_problems((*outcome.cautions, *problems))
    print_report_path(settings.folder)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return FAILED if problems else OK
