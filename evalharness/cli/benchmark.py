"""The verb `benchmark`: run the standard benchmarks that a run lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.arguments import Verb
from evalharness.cli.overrides.stages import run_stages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def run_benchmark_stage(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Run the missing benchmarks of a run and return the exit code."""
    return run_stages("benchmark", parser, arguments, ("benchmark",))


VERB = Verb(
    name="benchmark",
    summary="The standard benchmarks of a run only; without benchmarks=NAME a small embedded one.",
    run=run_benchmark_stage,
)
