"""Show progress bars on a terminal, and nothing if stderr is not a terminal."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from evalharness.backends import WAIT_LOG
from evalharness.domain import RunStage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from rich.console import RenderableType
    from rich.progress import Task

    from evalharness.runner import BudgetMeter

_STAGE_LABELS = {
    RunStage.ANSWER: "answers",
    RunStage.JUDGE: "judgments",
    RunStage.BENCHMARK: "benchmarks",
}


class _RateColumn(ProgressColumn):
    """The number of items per second, or per minute if they are few."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min")


class _CostColumn(ProgressColumn):
    """The cost of the run so far, next to the first bar."""

    def __init__(self, meter: BudgetMeter) -> None:
        super().__init__()
        self._meter = meter

    def render(self, task: Task) -> Text:
        is_known = task.id == 0 and self._meter.usd
        return Text(f"${self._meter.usd:.2f}" if is_known else "")


class _ProgressDisplay(Progress):
    """The bars, and below them the last reported wait, until it is over."""

    wait = ""
    wait_ends = 0.0

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the lines of the display."""
        yield self.make_tasks_table(self.tasks)
        if time.monotonic() < self.wait_ends:
            yield Text(self.wait, style="dim")


class _WaitLogHandler(logging.Handler):
    """Shows the waits that are logged."""

    def __init__(self, display: _ProgressDisplay) -> None:
        super().__init__(logging.INFO)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Show a wait instead of the previous one."""
        self._display.wait = record.getMessage()
        self._display.wait_ends = time.monotonic() + getattr(record, "wait_s", 0.0)


@contextmanager
def show_scan_progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show how many of the bytes of a corpus were read; yield what to call with the bytes read."""
    bar = Progress(
        TextColumn("{task.description:10}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("corpus", total=size)
        yield lambda read: bar.advance(task, read)


class ProgressBars:
    """One bar per stage on stderr, below the log messages of the package (loading weights, ...).

    Next to the bars are the rate, the time left and the cost; below them is the current wait.
    """

    def __init__(self, meter: BudgetMeter) -> None:
        console = Console(stderr=True)
        self._log = logging.getLogger("evalharness")
        self._handler = RichHandler(console=console, show_path=False, show_level=False)
        self._bars = _ProgressDisplay(
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}"),
            _RateColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            _CostColumn(meter),
            console=console,
            disable=not sys.stderr.isatty(),
        )
        self._waits = logging.getLogger(WAIT_LOG)
        self._waits_handler = _WaitLogHandler(self._bars)
        self._tasks: dict[RunStage, TaskID] = {}
        self._failed: dict[RunStage, int] = {}

    def __enter__(self) -> Self:
        if not self._bars.disable:
            self._log.addHandler(self._handler)
            self._log.setLevel(logging.INFO)
            self._waits.addHandler(self._waits_handler)
            self._waits.propagate = (
                False  # there are hundreds of them, and only the last one matters
            )
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bars.stop()
        self._log.removeHandler(self._handler)
        self._waits.removeHandler(self._waits_handler)
        self._waits.propagate = True

    def expect(self, stage: RunStage, total: int, *, at_most: bool = False) -> None:
        """Add a bar for a stage with this number of items, or with at most this number."""
        label = f"{_STAGE_LABELS[stage]}, at most" if at_most else _STAGE_LABELS[stage]
        self._tasks[stage] = self._bars.add_task(label, total=total, failed="")
        self._failed[stage] = 0

    def advance(self, stage: RunStage, *, failed: bool) -> None:
        """Advance the bar of a stage by one item."""
        self._failed[stage] += failed
        failures = f"{self._failed[stage]} failed" if self._failed[stage] else ""
        self._bars.update(self._tasks[stage], advance=1, failed=failures)

    def skip(self, stage: RunStage, number: int) -> None:
        """Reduce the number of items of a stage."""
        task = self._tasks[stage]
        total = next(each.total or 0 for each in self._bars.tasks if each.id == task)
        self._bars.update(task, total=total - number, description=_STAGE_LABELS[stage])
