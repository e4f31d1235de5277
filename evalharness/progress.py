"""Bars on a terminal, with rate and time left; quiet when nobody watches."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from evalharness.domain import Stage

if TYPE_CHECKING:
    from typing import Self

_WORDS = {Stage.ANSWER: "answers", Stage.JUDGE: "judgments", Stage.BENCHMARK: "benchmarks"}


class Bars:
    """A bar a stage on stderr, and above the bars what the package logs (loading weights, ...)."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._log = logging.getLogger("evalharness")
        self._handler = RichHandler(console=console, show_path=False, show_level=False)
        self._bars = Progress(
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not sys.stderr.isatty(),
        )
        self._tasks: dict[Stage, TaskID] = {}
        self._failed: dict[Stage, int] = {}

    def __enter__(self) -> Self:
        if not self._bars.disable:
            self._log.addHandler(self._handler)
            self._log.setLevel(logging.INFO)
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bars.stop()
        self._log.removeHandler(self._handler)

    def expect(self, stage: Stage, total: int) -> None:
        """Show a bar for so many."""
        self._tasks[stage] = self._bars.add_task(_WORDS[stage], total=total, failed="")
        self._failed[stage] = 0

    def advance(self, stage: Stage, *, failed: bool) -> None:
        """Move a bar on by one."""
        self._failed[stage] += failed
        words = f"{self._failed[stage]} failed" if self._failed[stage] else ""
        self._bars.update(self._tasks[stage], advance=1, failed=words)
