"""The verb `plan`: print what a run would do and cost, and what it needs that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb
from evalharness.cli.overrides.settings import add_against, parse_settings
from evalharness.cli.terminal.exit_codes import FAILED, OK
from evalharness.cli.terminal.output import print_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def print_plan(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Print the plan of a run or of a drift check; return 1 if something is missing."""
    from evalharness.cli.overrides.drift import names_drift_check, run_drift_command

    if names_drift_check(arguments):
        return run_drift_command(parser, arguments, only_plan=True)
    add_against(parser)
    settings = parse_settings("plan", parser, arguments)
    if settings is None:
        return OK
    from evalharness.planner import (
        describe_plan,
        describe_sample_sizes,
        find_missing_on_engine,
        list_notices,
    )

    spec, records = settings.run, settings.records()
    missing = find_missing_on_engine(spec, settings.engine)
    lines = describe_plan(spec, records)
    print_lines((*lines, *describe_sample_sizes(spec, records, settings.targets)))
    print_lines(f"note      {line}" for line in list_notices(spec, settings.budget))
    print_lines(f"missing   {name}: {reason}" for name, reason in missing.items())
    return FAILED if missing else OK


VERB = Verb(
    name="plan",
    summary="What a run would do, and what it lacks; asks servers for their list of models only.",
    run=print_plan,
    is_decision=True,
)
