"""Files that settings only name are part of what a model is: in new runs, and in a run's folder."""

from __future__ import annotations

import json
import shutil

import pytest

from evalharness.cli import main
from evalharness.config import load_settings
from evalharness.store import read_run

ASKED = ("models=[vicuna-13b]", "judge=scripted", "judging=graded")


@pytest.fixture(autouse=True)
def _work_in_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _write_answers(path, text):
    rows = [
        {"question_id": number, "model": "vicuna-13b", "turns": [{"text": f"{text} {number}"}]}
        for number in (1, 2)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture
def recorded(tmp_path):
    """Return the overrides of a run of recorded answers, in a file that a test rewrites."""
    asked = [{"question_id": number, "category": "c", "turns": ["Same?"]} for number in (1, 2)]
    (tmp_path / "q.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in asked))
    _write_answers(tmp_path / "mine.jsonl", "old")
    model = "models.vicuna-13b"
    return [*ASKED, "questions=q.jsonl", f"{model}.backend=recorded", f"{model}.answers=mine.jsonl"]


def _texts(tmp_path, run):
    rows = read_run(tmp_path / "results" / run).answers
    return {row.question_id: row.turns[0].text for row in rows}


def test_rewritten_answers_are_another_model(recorded, tmp_path, capsys):
    """A new run has the new texts, not those of the cache; the old folder is refused by the file."""
    assert main(["run", *recorded, "run=r1"]) == 0
    assert main(["run", *recorded, "run=r1"]) == 0
    _write_answers(tmp_path / "mine.jsonl", "new")
    capsys.readouterr()

    assert main(["run", *recorded, "run=r1"]) == 2
    refusal = capsys.readouterr().err
    assert main(["run", *recorded, "run=r2"]) == 0

    assert "models.vicuna-13b: mine.jsonl holds something else" in refusal
    assert "run=NAME" in refusal
    assert _texts(tmp_path, "r1") == {"1": "old 1", "2": "old 2"}
    assert _texts(tmp_path, "r2") == {"1": "new 1", "2": "new 2"}


def test_a_run_is_judged_where_the_files_of_its_models_are_not(recorded, tmp_path):
    """The folder says what they were; so answers are found, and nothing is refused."""
    assert main(["answer", *recorded, "run=r1"]) == 0
    (tmp_path / "mine.jsonl").unlink()

    assert main(["judge", *recorded, "run=r1"]) == 0
    assert len(read_run(tmp_path / "results/r1").graded) == 2


@pytest.mark.usefixtures("recorded")
def test_an_imported_run_is_its_own_file(tmp_path):
    """Its answers are in the folder itself, which may grow."""
    folder = tmp_path / "mt"
    (folder / "model_answer").mkdir(parents=True)
    shutil.copy(tmp_path / "q.jsonl", folder / "question.jsonl")
    for model in ("a", "b"):
        row = {"question_id": 1, "model_id": model, "choices": [{"index": 0, "turns": [model]}]}
        (folder / f"model_answer/{model}.jsonl").write_text(f"{json.dumps(row)}\n")
    judged = ["judge", "run=mine", "judge=scripted", "judging=graded"]
    paths = ["question.jsonl", "model_answer/a.jsonl"]

    assert main(["import", "mt-bench", *(f"mt/{path}" for path in paths), "--run", "mine"]) == 0
    assert main(judged) == 0
    assert main(["import", "mt-bench", "mt/model_answer/b.jsonl", "--run", "mine"]) == 0
    assert main(judged) == 0

    run = read_run(tmp_path / "results/mine")
    assert {row.model for row in run.graded} == {"a", "b"}
    assert len(run.answers) == 2


def test_weights_of_candidates_and_judges_have_their_fingerprints(tmp_path):
    """By every path of a configuration; what has no files has none."""
    (tmp_path / "w").mkdir()
    (tmp_path / "w/config.json").write_text("{}")
    (tmp_path / "w/model.safetensors").write_text("x")
    overrides = ["models=[./w,gpt-4.1]", "judge=[./w,gpt-4o]", "questions.limit=1"]

    settings = load_settings(overrides)
    again = load_settings(overrides)
    (tmp_path / "w/model.safetensors").write_text("y")
    changed = load_settings(overrides)

    def list_fingerprints(of):
        models = [*of.run.models, *(judge.model for judge in of.run.judges)]
        return [model.fingerprint for model in models]

    candidate, server, judge, panel = list_fingerprints(settings)
    assert candidate == judge is not None
    assert server is panel is None
    assert list_fingerprints(again) == [candidate, None, judge, None]
    assert list_fingerprints(changed)[0] not in (None, candidate)
    assert changed.run.name == settings.run.name
    saved = [conf["fingerprint"] for conf in settings.tree["models"].values()]
    assert saved == [candidate, None]
    assert settings.tree["judge"]["model"]["fingerprint"] == judge


def test_an_unreadable_file_of_answers_is_refused_before_the_run(recorded, tmp_path, capsys):
    """With the file and the line, and nothing is made."""
    (tmp_path / "mine.jsonl").write_text("{}\n")

    assert main(["run", *recorded, "run=r1"]) == 2
    assert "mine.jsonl:1:" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
