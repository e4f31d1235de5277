"""Test a run from Python: it reports only through the frontend that it is given."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import yaml

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
