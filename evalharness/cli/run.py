"""The verb `run`: complete every stage of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb
from evalharness.cli.overrides.stages import run_stages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def run_all_stages(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Complete every stage of a run and return the exit code."""
    return run_stages("run", parser, arguments, ("answer", "judge", "benchmark"))


VERB = Verb(
    name="run",
    summary="Answers, judgments, benchmarks, leaderboard and report; the same command resumes.",
    run=run_all_stages,
)
