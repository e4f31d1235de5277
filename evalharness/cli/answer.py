"""The verb `answer`: request the answers that a run lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb
from evalharness.cli.overrides.stages import run_stages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def run_answer_stage(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Request the missing answers of a run and return the exit code."""
    return run_stages("answer", parser, arguments, ("answer",))


VERB = Verb(
    name="answer",
    summary="The answers of a run only.",
    run=run_answer_stage,
)
