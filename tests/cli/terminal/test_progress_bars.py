"""Progress bars are shown on a terminal, and nowhere else."""

from __future__ import annotations

import io
import logging
import re
import sys

import pytest

from evalharness.backends import WAIT_LOG, StopSignal
from evalharness.cli.terminal.progress_bars import ProgressBars
from evalharness.domain import Budget, RunStage
from evalharness.runner import BudgetMeter


class Terminal(io.StringIO):
    """A terminal that stores its output."""

    def isatty(self) -> bool:
        """Return True: it is a terminal."""
        return True


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Make the terminal wide and colored."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")


def _shown(monkeypatch, file: io.StringIO, wait: str = "") -> str:
    """Return the standard error of a run, without control sequences."""
    monkeypatch.setattr(sys, "stderr", file)  # here, as pytest sets its own before each test
    with ProgressBars(BudgetMeter(Budget(), StopSignal(), calls=10, usd=1.234)) as bars:
        bars.expect(RunStage.ANSWER, 4)
        bars.advance(RunStage.ANSWER, failed=False)
        bars.advance(RunStage.ANSWER, failed=True)
        if wait:
            logging.getLogger(WAIT_LOG).info("%s", wait, extra={"wait_s": 60.0})
        bars._bars.refresh()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())


def test_the_bars_show_counts_failures_and_the_cost_so_far(monkeypatch):
    """A user who watches knows whether to go on."""
    last = _shown(monkeypatch, Terminal()).rstrip().splitlines()[-1]

    assert last.startswith("answers")
    for words in ("2/4", "1 failed", "left", "$1.23"):
        assert words in last


def test_a_bar_with_an_upper_limit_is_full_when_no_more_calls_follow(monkeypatch):
    """An adaptive run that stops after a third of the calls is shown as complete."""
    file = Terminal()
    monkeypatch.setattr(sys, "stderr", file)
    with ProgressBars(BudgetMeter(Budget(), StopSignal())) as bars:
        bars.expect(RunStage.JUDGE, 10, at_most=True)
        for _ in range(4):
            bars.advance(RunStage.JUDGE, failed=False)
        bars._bars.refresh()
        assert "judgments, at most" in file.getvalue()
        bars.skip(RunStage.JUDGE, 6)
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue()).rstrip().splitlines()[-1]

    assert last.startswith("judgments ")
    assert "4/4" in last


def test_a_wait_is_shown_below_the_bars_while_it_lasts(monkeypatch):
    """The display says why a bar does not move."""
    wait = "gpt-4: 429, waiting 12 s, try 3/8"

    assert wait in _shown(monkeypatch, Terminal(), wait)


def test_nothing_is_shown_if_stderr_is_no_terminal(monkeypatch):
    """A log file contains no bars and no waits."""
    assert not _shown(monkeypatch, io.StringIO(), "gpt-4: 429, waiting 12 s, try 3/8")
