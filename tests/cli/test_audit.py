"""The verb `audit`: output, files, refusals and exit codes."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from evalharness.analysis import MEASURE_NAMES
from evalharness.cli import main
from evalharness.config.schema import ThresholdsConf

SCRIPTED = (
    "models=[vicuna-13b,alpaca-7b]",
    "models.vicuna-13b.backend=scripted",
    "models.alpaca-7b.backend=scripted",
    "judge=scripted",
    "questions.limit=4",
)


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder."""
    monkeypatch.chdir(tmp_path)


def test_an_audit_finds_the_run_by_its_settings_and_prints_cautions(tmp_path, capsys):
    """The same overrides lead to the same folder for any number of probed questions."""
    main(["run", *SCRIPTED])
    (folder,) = [path for path in (tmp_path / "results").iterdir() if path.is_dir()]
    capsys.readouterr()

    assert main(["audit", *SCRIPTED, "audit.questions=2", "audit.thresholds.probe_same=1"]) == 0
    said = capsys.readouterr().out.splitlines()
    card = json.loads((folder / "audit.json").read_text())
    rates = {each["name"]: each for each in card["judges"][0]["measures"]}

    assert said[0] == "judge scripted"
    assert said[-1] == f"report: results/{folder.name}/report.html"
    # Neither of two answers beat a text that fits any question; nine of ten should.
    assert (rates["probe_constant"]["count"], rates["probe_constant"]["status"]) == (2, "missed")
    assert "too few to tell" in {each["status"] for each in rates.values()}
    for name in ("leaderboard.md", "report.html"):
        assert "The audit of judge scripted has too few questions" in (folder / name).read_text()


def test_an_audit_leaves_the_judgments_as_they_were(tmp_path):
    """The reply to a probe is not a judgment of a model; the table gets the audit's cautions only."""
    main(["run", *SCRIPTED, "run=mine"])
    before = (tmp_path / "results/mine/judgments.jsonl").read_bytes()
    table = json.loads((tmp_path / "results/mine/leaderboard.json").read_text())
    main(["audit", *SCRIPTED, "run=mine"])

    after = json.loads((tmp_path / "results/mine/leaderboard.json").read_text())
    cautions = [
        (row.pop("cautions"), old.pop("cautions")) for row, old in zip(after, table, strict=True)
    ]
    assert (tmp_path / "results/mine/judgments.jsonl").read_bytes() == before
    assert after == table
    assert all(caution in new for new, old in cautions for caution in old)


def test_without_answers_an_audit_is_refused_and_leaves_nothing(tmp_path, capsys):
    """Probes are built from the answers of a run, so the message asks for a run."""
    assert main(["audit", *SCRIPTED, "run=none"]) == 2

    assert "no answers to audit a judge with; `run` first" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_a_judge_of_other_settings_is_refused(capsys):
    """A health card describes the judge that made the judgments of the run."""
    main(["run", *SCRIPTED, "run=mine"])
    capsys.readouterr()

    assert main(["audit", *SCRIPTED, "run=mine", "judge.model.sampling.temperature=1"]) == 2
    assert "judge.model.sampling.temperature was 0.0, now 1.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("audit.thresholds.probe_same=80", "must be a share from 0 to 1, or null"),
        ("audit.questions=0", "audit.questions=0: must be at least 1"),
        ("audit.thresholds.consistancy=0.5", "did you mean consistency"),
    ],
)
def test_wrong_settings_are_refused_by_name(override, said, capsys):
    """A mistyped threshold would never cause a caution."""
    assert main(["audit", *SCRIPTED, override]) == 2
    assert said in capsys.readouterr().err


def test_a_damaged_card_is_named(tmp_path, capsys):
    """A damaged file is an error, because it can contain a caution."""
    main(["run", *SCRIPTED, "run=mine"])
    (tmp_path / "results/mine/audit.json").write_text('{"judges": 7}')
    capsys.readouterr()

    assert main(["report", "mine"]) == 2
    assert "audit.json: " in capsys.readouterr().err


def test_every_measure_may_have_a_threshold():
    """The thresholds in the schema are the measures of the card, so each has an effect."""
    assert {field.name for field in fields(ThresholdsConf)} == set(MEASURE_NAMES)


def test_an_audit_asks_its_judges_where_the_engine_says(capsys):
    """Weights that exist on the nodes only are not looked for on this machine."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'evalharness[ray]'")
    main(["run", *SCRIPTED, "run=mine"])
    capsys.readouterr()

    code = main(["audit", *SCRIPTED, "run=mine", "engine=ray", "engine.address=127.0.0.1:1"])

    assert code == 2
    assert "engine.address=127.0.0.1:1: no Ray cluster" in capsys.readouterr().err
