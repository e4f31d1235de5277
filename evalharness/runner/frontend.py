"""Define the interface between the runner and its caller: progress, interrupts and notices.

The runner prints nothing and installs no signal handler. The command line passes a `Frontend`
that does both; a notebook needs none.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.runner.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager

    from evalharness.backends import StopSignal
    from evalharness.report import ScanProgress
    from evalharness.runner.calls.budget import BudgetMeter
    from evalharness.runner.progress import Progress


@contextmanager
def _hide_progress(_meter: BudgetMeter) -> Iterator[Progress]:
    yield NoProgress()


def _run_coroutine(work: Coroutine[Any, Any, Any], _stop: StopSignal) -> Any:
    return asyncio.run(work)


def _ignore(_line: str) -> None:
    """Drop a notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """Callbacks of the runner. By default, they show nothing and handle no interrupts.

    Attributes:
        show_progress: opens a display of the progress and of the cost that the meter counts.
        run_coroutine: runs a coroutine to its end; sets the stop signal when the user interrupts.
        print_notice: shows a line of text, before the first call or between calls.
        show_scan: opens a display of how much of a corpus was read.
    """

    show_progress: Callable[[BudgetMeter], AbstractContextManager[Progress]] = _hide_progress
    run_coroutine: Callable[[Coroutine[Any, Any, Any], StopSignal], Any] = _run_coroutine
    print_notice: Callable[[str], None] = _ignore
    show_scan: ScanProgress | None = None


SILENT_FRONTEND = Frontend()
