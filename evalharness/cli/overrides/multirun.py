"""Run the jobs that the option `-m` requests: one per model, with a launcher of Hydra."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.arguments import add_trust_config
from evalharness.cli.terminal.output import print_problems
from evalharness.cli.terminal.parser import VerbParser
from evalharness.domain import RunStage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_FLAGS = ("-m", "--multirun")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingCommand:
    """The command that is left once the jobs have ended: arguments, stages, and failed jobs."""

    arguments: Sequence[str]
    stages: Sequence[RunStage]
    problems: tuple[str, ...] = ()


def run_requested_jobs(arguments: Sequence[str], stages: Sequence[str]) -> RemainingCommand:
    """Run the jobs that `-m` asks for, and return the rest of the command; without `-m`, return the whole command.

    Raises:
        ConfigError: as `launch_jobs`.
    """
    run_stages = [RunStage(stage) for stage in stages]
    if not set(_FLAGS) & set(arguments):
        return RemainingCommand(arguments=arguments, stages=run_stages)
    from evalharness.config import TRUST_CONFIG_OPTION, Trust
    from evalharness.runner import JobRequest, launch_jobs

    given = _parse_arguments(arguments)
    flags = ["--config-dir", str(given.config_dir)] if given.config_dir else []
    flags += ["--retry-failed"] if given.retry_failed else []
    flags += [TRUST_CONFIG_OPTION] if given.trust_config else []
    remaining = launch_jobs(
        JobRequest(
            overrides=given.overrides,
            stages=run_stages,
            config_dir=given.config_dir,
            flags=flags,
            trust=Trust(config=given.trust_config),
        ),
        print_notice=lambda line: print_problems([line]),
    )
    return RemainingCommand(
        arguments=[*remaining.overrides, *flags],
        stages=remaining.stages,
        problems=remaining.problems,
    )


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = VerbParser(prog="evalharness run -m", add_help=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument(*_FLAGS, action="store_true")
    parser.add_argument("--retry-failed", action="store_true")
    parser.add_argument("--config-dir", type=Path)
    add_trust_config(parser)
    return parser.parse_intermixed_args(arguments)
