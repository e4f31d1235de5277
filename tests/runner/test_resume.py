"""Test that a run's folder may grow, and never mixes results of different settings."""

from __future__ import annotations

import json

import pytest

from evalharness.config import load_settings
from evalharness.errors import RunConflictError
from evalharness.runner.resume import refuse_run_conflict
from evalharness.store import RunFolder

BASE = ("models=[vicuna-13b,alpaca-7b]", "questions.limit=8", "run=mine")


def _continue(tmp_path, *overrides: str, base=BASE) -> None:
    """Make a folder with the base settings, and continue it with other settings."""
    place = f"results={tmp_path}"
    before = load_settings([*BASE, place])
    with RunFolder.open(before.folder) as folder:
        folder.write_config(before.tree, before.run.questions)
    now = load_settings([*base, place, *overrides])
    with RunFolder.open(now.folder) as folder:
        refuse_run_conflict(folder, now.tree, now.run.questions)


@pytest.mark.parametrize(
    "override",
    [
        "questions.limit=16",
        "cache=off",
        "models.vicuna-13b.concurrency=64",
        "models.vicuna-13b.prices.input=3",
        "judge.model.api_key_env=OTHER_KEY",
        "judge.model.timeout_s=10",
        "models.vicuna-13b.sampling.max_tokens=1024",  # set by the user now, to what it was
        "judging.panel=rater",
        "judge.trial=false",
        "rating=davidson",
    ],
)
def test_a_run_may_grow_and_change_its_speed(tmp_path, override):
    """More questions and other limits invalidate no result."""
    _continue(tmp_path, override)


def test_a_run_may_take_in_more_models(tmp_path):
    """Adding models is the main use of a leaderboard."""
    _continue(
        tmp_path, base=("models=[vicuna-13b,alpaca-7b,gpt-4]", "questions.limit=8", "run=mine")
    )


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("judge=gpt-4o", "judge.name was 'gpt-6.1-sol', now 'gpt-4o'"),
        ("models.vicuna-13b.sampling.temperature=0.1", "temperature was 0.7, now 0.1"),
        ("judge.model.base_url=http://127.0.0.1:1/v1", "base_url was .*, now 'http://127"),
        ("judge.prompts.graded.system=other", "judge.prompts.graded.system was"),
        ("seed=9", "seed was 0, now 9"),
        ("questions.limit=4", "no longer asked"),
    ],
)
def test_other_settings_are_refused_with_the_difference(tmp_path, override, words):
    """A mean over the grades of two judges has no meaning."""
    with pytest.raises(RunConflictError, match=words) as refusal:
        _continue(tmp_path, override)

    assert "run=NAME" in str(refusal.value)


def test_settings_of_other_backends_are_no_difference(tmp_path):
    """A model ignores them, and which there are depends on the packages that are installed."""
    before = load_settings([*BASE, f"results={tmp_path}"])
    old = json.loads(json.dumps(before.tree))
    del old["models"]["vicuna-13b"]["endpoint"]  # before there was a backend with this setting
    old["models"]["alpaca-7b"]["voice"] = "loud"  # of a package that is not installed here
    del old["judge"]["model"]["dtype"]
    with RunFolder.open(before.folder) as folder:
        folder.write_config(old, before.run.questions)
        refuse_run_conflict(folder, before.tree, before.run.questions)
        del old["judge"]["model"]["endpoint"]
        folder.write_config(old, before.run.questions)
        with pytest.raises(RunConflictError, match="endpoint was not set"):
            refuse_run_conflict(folder, before.tree, before.run.questions)


def test_a_changed_question_is_refused(tmp_path):
    """A question that was edited since is a different question."""
    path = tmp_path / "mine.jsonl"
    line = {"question_id": "x", "category": "c", "turns": ["?"]}
    path.write_text(json.dumps(line) + "\n")
    overrides = ["models=[vicuna-13b]", "run=mine", f"questions={path}", f"results={tmp_path}"]
    before = load_settings(overrides)
    with RunFolder.open(before.folder) as folder:
        folder.write_config(before.tree, before.run.questions)
    path.write_text(json.dumps(line | {"turns": ["!"]}) + "\n")
    now = load_settings(overrides)

    with (
        RunFolder.open(now.folder) as folder,
        pytest.raises(RunConflictError, match="question x has changed"),
    ):
        refuse_run_conflict(folder, now.tree, now.run.questions)


def test_a_folder_older_than_a_switch_that_is_off_is_continued(tmp_path):
    """A switch that the folder lacks was off; turning it on is a difference."""
    before = load_settings([*BASE, f"results={tmp_path}"])
    old = json.loads(json.dumps(before.tree))
    del old["judging"]["exclude_own_family"]
    with RunFolder.open(before.folder) as folder:
        folder.write_config(old, before.run.questions)
    spared = load_settings([*BASE, f"results={tmp_path}", "judging.exclude_own_family=true"])

    with RunFolder.open(before.folder) as folder:
        refuse_run_conflict(folder, before.tree, before.run.questions)
        with pytest.raises(RunConflictError, match="exclude_own_family was not set, now True"):
            refuse_run_conflict(folder, spared.tree, spared.run.questions)
