"""Connect the runner to the terminal: progress bars, Ctrl-C, and notices on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.cli.terminal.interrupt import run_interruptible
from evalharness.cli.terminal.output import print_problems
from evalharness.cli.terminal.progress_bars import ProgressBars, show_scan_progress
from evalharness.runner import Frontend

if TYPE_CHECKING:
    from collections.abc import Callable


def _print_notice(line: str) -> None:
    print_problems([line])


def make_frontend(*, print_notice: Callable[[str], None] = _print_notice) -> Frontend:
    """Return the callbacks by which the runner shows its progress on a terminal."""
    return Frontend(
        show_progress=ProgressBars,
        run_coroutine=run_interruptible,
        print_notice=print_notice,
        show_scan=show_scan_progress,
    )
