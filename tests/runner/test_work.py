"""Test a run from Python: it reports only through the frontend that it is given."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

from evalharness.config import load_settings
from evalharness.domain import RunStage
from evalharness.runner import Frontend, NoProgress, complete_run

STAGES = (RunStage.ANSWER, RunStage.JUDGE)
OVERRIDES = (
    "models=[vicuna-13b,alpaca-7b]",
    "models.vicuna-13b.backend=scripted",
    "models.alpaca-7b.backend=scripted",
    "judge=scripted",
    "questions=quick",
    "questions.limit=1",
    "run=mine",
)


def test_a_run_needs_no_terminal_and_none_of_the_command_line(tmp_path):
    """A notebook can show progress in its own way."""
    code = (
        "import sys\n"
        "from evalharness.config import load_settings\n"
        "from evalharness.domain import RunStage\n"
        "from evalharness.runner import complete_run\n"
        f"settings = load_settings({list(OVERRIDES)!r})\n"
        "outcome = complete_run(settings, [RunStage.ANSWER, RunStage.JUDGE], 'none')\n"
        "assert outcome.finding and not outcome.problems and not outcome.interrupted, outcome\n"
        "assert not [name for name in sys.modules if name.startswith('evalharness.cli')]\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (tmp_path / "results/mine/report.html").is_file()


def test_progress_goes_to_the_frontend_that_is_handed_in(tmp_path, monkeypatch):
    """Every answer and judgment is announced, and reported when it exists."""
    monkeypatch.chdir(tmp_path)
    announced, done = {}, []

    class Kept(NoProgress):
        def expect(self, stage, total, *, at_most=False):
            assert not at_most
            announced[stage] = total

        def advance(self, stage, *, failed):
            assert not failed
            done.append(stage)

    @contextmanager
    def show(meter):
        yield Kept()
        assert meter.calls > 0

    complete_run(load_settings(OVERRIDES), STAGES, "none", frontend=Frontend(show_progress=show))

    assert set(announced) == set(STAGES)
    assert {stage: done.count(stage) for stage in STAGES} == announced
