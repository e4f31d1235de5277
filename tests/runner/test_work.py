"""Test a run from Python: it reports only through the frontend that it is given."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import yaml

from evalharness.config import load_settings
from evalharness.domain import RunStage
from evalharness.report import compare_run_models, load_run, publish_run
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


@pytest.mark.parametrize(
    "template", ["{{ strftime_now('%d %B') }}: {{ messages[-1].content }}", None]
)
def test_the_day_of_a_run_is_that_of_its_folder(tmp_path, monkeypatch, template):
    """A run that goes on another day asks with the same text; the manifest says where one does."""
    monkeypatch.chdir(tmp_path)
    overrides = [*OVERRIDES, *([f'models.vicuna-13b.template="{template}"'] if template else [])]
    today = datetime.now(UTC).date().isoformat()

    complete_run(load_settings(overrides), STAGES, "none")
    manifest = json.loads((tmp_path / "results/mine/manifest.json").read_text())
    path = tmp_path / "results/mine/config.yaml"
    saved = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(saved | {"template_date": "2026-03-09"}))
    resumed = load_settings(overrides)
    complete_run(resumed, STAGES, "none")

    assert saved["template_date"] == today
    assert manifest.get("template_date") == (today if template else None)
    models = [*resumed.run.models, *(judge.model for judge in resumed.run.judges)]
    assert {model.template_date for model in models} == {"2026-03-09"}
    assert yaml.safe_load(path.read_text())["template_date"] == "2026-03-09"
    assert load_settings([*overrides[:-1], "run=other"]).run.template_date == today


def _stop_after(calls):
    """Return a budget of calls for a run on eight questions, one of each category."""
    return load_settings(
        [
            *OVERRIDES[:4],
            "questions.limit=8",
            "run=mine",
            *([f"budget.calls={calls}"] if calls else []),
        ]
    )


def test_a_run_that_a_budget_stopped_says_so_in_every_output(tmp_path, monkeypatch):
    """Page, terminal, tables, data frames and comparisons hold so far; the whole run says nothing."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/mine"

    outcome = complete_run(_stop_after(64), STAGES, "none")

    stopped = load_run(folder).leaderboard.attrs["stopped"]
    assert re.match(r"\d of 16 battles, \d of 8 categories, \d+ of 32 grades", stopped)
    assert outcome.finding.startswith(f"STOPPED: {stopped}. So far: ")
    assert outcome.cautions[0].startswith(
        f"caution (run): STOPPED before the end of the run: {stopped}"
    )
    page = (folder / "report.html").read_text()
    assert f": {stopped}</p>" in page
    assert " of 8 questions so far" in page
    assert "finished <time>" not in page
    assert not (folder / "failures.jsonl").read_text()
    for name in ("leaderboard.md", "leaderboard.tex", "leaderboard.csv"):
        assert stopped in (folder / name).read_text()
    for row in json.loads((folder / "leaderboard.json").read_text()):
        assert (row["stopped"], row["failed"], row["not_asked"] > 0) == (stopped, 0, True)
        assert {"source": "run", "sentence": outcome.cautions[0].partition(": ")[2]} in row[
            "cautions"
        ]
    compared = compare_run_models(folder, "vicuna-13b", "alpaca-7b")
    assert compared.lines[-1].endswith(f"(so far; STOPPED: {stopped})")
    assert outcome.cautions[0] in compared.cautions

    finding = complete_run(_stop_after(None), STAGES, "none").finding

    assert "STOPPED" not in finding + (folder / "report.html").read_text()
    assert {row["stopped"] for row in json.loads((folder / "leaderboard.json").read_text())} == {
        None
    }


def test_a_killed_run_has_no_end_in_its_manifest(tmp_path, monkeypatch):
    """The stages stand there before the first call; whoever makes the page of it sees that it stopped."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/mine"
    complete_run(_stop_after(None), (RunStage.ANSWER,), "none")
    assert load_run(folder).board.progress.stopped == ""

    class KilledError(Exception):
        """Ends the process where the first judgments were made."""

    def run_and_die(work, _stop):
        asyncio.run(work)
        raise KilledError

    with pytest.raises(KilledError):
        complete_run(_stop_after(60), STAGES, "none", frontend=Frontend(run_coroutine=run_and_die))

    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["stages"], manifest["finished"]) == (["answer", "judge"], "")
    assert publish_run(folder).progress.stopped.endswith(" of 32 grades")
    assert "stopped</b>:" in (folder / "report.html").read_text()
