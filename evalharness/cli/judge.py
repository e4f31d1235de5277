"""The verb `judge`: request the judgments that a run lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb
from evalharness.cli.overrides.stages import run_stages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def run_judge_stage(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Request the missing judgments of a run and return the exit code."""
    return run_stages("judge", parser, arguments, ("judge",))


VERB = Verb(
    name="judge",
    summary="The judgments of a run only, over the answers that are there.",
    run=run_judge_stage,
)
