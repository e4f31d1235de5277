"""The command line as users see it: output, streams and exit codes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evalharness.cli import main

SCRIPTED = (
    "models=[vicuna-13b,alpaca-7b]",
    "models.vicuna-13b.backend=scripted",
    "models.alpaca-7b.backend=scripted",
    "judge=scripted",
    "questions.limit=8",
)


def _evalharness(*arguments: str, cwd, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a separate folder and home."""
    return subprocess.run(
        [sys.executable, "-m", "evalharness", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
    )


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder."""
    monkeypatch.chdir(tmp_path)


def test_a_run_says_where_its_report_is(capsys):
    """The last line of standard output names the page; a run without failures exits with 0."""
    assert main(["run", *SCRIPTED, "run=mine"]) == 0

    assert capsys.readouterr().out.splitlines()[-1] == "report: results/mine/report.html"


def test_a_run_leaves_every_file_of_the_design(tmp_path):
    """Scripts find the files by their names."""
    main(["run", *SCRIPTED, "run=mine"])

    names = {path.name for path in (tmp_path / "results/mine").iterdir()}
    assert names >= {
        "config.yaml",
        "manifest.json",
        "questions.jsonl",
        "answers.jsonl",
        "judgments.jsonl",
        "failures.jsonl",
        "leaderboard.json",
        "leaderboard.csv",
        "leaderboard.md",
        "leaderboard.tex",
        "report.html",
    }


def test_stages_add_up_to_a_run(tmp_path):
    """`answer` then `judge` is `run`; `report` makes the same page again."""
    main(["run", *SCRIPTED, "run=whole"])
    main(["answer", *SCRIPTED, "run=parts"])
    main(["judge", *SCRIPTED, "run=parts", "cache=off"])

    for name in ("answers.jsonl", "judgments.jsonl", "leaderboard.json"):
        whole = (tmp_path / "results/whole" / name).read_bytes()
        assert (tmp_path / "results/parts" / name).read_bytes() == whole

    page = (tmp_path / "results/parts/report.html").read_bytes()
    assert main(["report", "parts"]) == 0
    assert (tmp_path / "results/parts/report.html").read_bytes() == page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "models=[vicuna-13x]"], "did you mean vicuna-13b"),
        (["judge", *SCRIPTED, "run=none"], "there is no run here"),
        (["report", "nothing"], "no run here"),
        (["prompt", "vicuna-13x", "Hi"], "did you mean vicuna-13b"),
    ],
)
def test_a_refusal_is_short_on_stderr_and_exits_with_2(capsys, arguments, words):
    """Nothing is done, and the message says what to do next."""
    assert main(arguments) == 2

    said = capsys.readouterr()
    assert words in said.err
    assert len(said.err.splitlines()) <= 2
    assert said.out == ""


def test_a_run_may_be_called_as_a_folder_of_data_is(tmp_path, capsys):
    """`import mt-bench mt --run mt` is an obvious first command; the run is found, not the data."""
    (tmp_path / "votes").mkdir()
    (tmp_path / "votes" / "votes.csv").write_text("left,right,winner\na,b,left\nb,a,tie\n")

    assert main(["import", "evalica", "votes", "--run", "votes"]) == 0
    assert main(["report", "votes"]) == 0
    shutil.move(tmp_path / "results/votes", tmp_path / "moved")
    assert main(["report", "moved"]) == 0

    said = capsys.readouterr().out.splitlines()
    headlines = [line for line in said if line.startswith("No clear winner between a and b")]
    assert len(headlines) == 2
    assert [line for line in said if line not in headlines] == [
        "read 2 rows of 1 file: 2 votes",
        *["report: results/votes/report.html"] * 2,
        "report: moved/report.html",
    ]


def test_other_settings_in_the_same_folder_are_refused(capsys):
    """Results of two judges are never mixed."""
    main(["run", *SCRIPTED, "run=mine"])

    assert main(["run", *SCRIPTED, "run=mine", "seed=4"]) == 2
    assert "seed was 0, now 4" in capsys.readouterr().err


def test_only_failed_calls_are_repeated_and_a_run_without_failures_is_refused(capsys):
    """`--retry-failed` repeats failed calls only; without any, it says how to continue."""
    main(["run", *SCRIPTED, "run=mine"])
    capsys.readouterr()

    assert main(["run", *SCRIPTED, "run=mine", "--retry-failed"]) == 2
    assert "nothing has failed here; without --retry-failed" in capsys.readouterr().err


def test_the_cache_is_shown_and_pruned(capsys):
    """The cache grows with every run; `--prune` reports what it removed."""
    assert main(["cache"]) == 2
    assert "no completions are kept here" in capsys.readouterr().err
    main(["run", *SCRIPTED])
    capsys.readouterr()

    assert main(["cache"]) == 0
    assert capsys.readouterr().out.startswith("kept      96 completions, ")
    assert main(["cache", "--prune", "30"]) == 0
    assert capsys.readouterr().out.startswith("dropped   0 completions\nkept      96 ")
    assert main(["cache", "--prune", "-1"]) == 2


def test_no_weights_no_key_and_no_server_is_refused_in_two_lines(tmp_path):
    """The first error that many users see names the three ways to go on."""
    refused = _evalharness(
        "run", "+models=[vicuna-13b,alpaca-7b]", cwd=tmp_path, HF_HUB_OFFLINE="1"
    )

    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 2
    for way in ("weights=", "base_url=", "api_key_env"):
        assert way in refused.stderr
    assert not (tmp_path / "results").exists()


def test_help_names_every_verb(capsys):
    """The verbs can be found without the README."""
    with pytest.raises(SystemExit) as end:
        main(["--help"])

    assert end.value.code == 0
    said = capsys.readouterr().out
    for verb in ("run", "answer", "judge", "plan", "report", "prompt", "list"):
        assert f"  {verb} " in said


@pytest.mark.parametrize(
    ("what", "name"),
    [("models", "vicuna-13b"), ("judges", "gpt-4"), ("prompts", "graded"), ("questions", "mt")],
)
def test_list_shows_what_can_be_named(capsys, what, name):
    """Every name has a line that describes it."""
    assert main(["list", what]) == 0

    (line,) = [row for row in capsys.readouterr().out.splitlines() if row.split()[0] == name]
    assert len(line.split()) > 1


def test_list_shows_the_providers_and_whether_their_keys_are_set(capsys, monkeypatch):
    """With the variable's name, and never its value."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk_very-secret")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    assert main(["list", "providers"]) == 0

    said = capsys.readouterr().out
    lines = {row.split()[0]: row.split(maxsplit=2)[1:] for row in said.splitlines()}
    assert lines["openai"] == ["https://api.openai.com/v1", "OPENAI_API_KEY (not set)"]
    assert lines["groq"][1] == "GROQ_API_KEY (set)"
    assert lines["ollama"] == ["http://127.0.0.1:11434/v1", "no key"]
    assert "very-secret" not in said


def test_models_of_three_providers_without_keys_are_refused_at_once(capsys, monkeypatch):
    """Each variable is named, those of candidates and of the judge; nothing is made or asked."""
    variables = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
    for variable in variables:
        monkeypatch.delenv(variable, raising=False)

    code = main(
        [
            "run",
            "models=[openai/gpt-6-luna,anthropic/claude-haiku-5-5]",
            "judge=google/gemini-4-argon",
        ]
    )

    said = capsys.readouterr().err
    assert code == 2
    assert all(f"{variable} is not set" in said for variable in variables)
    assert not Path("results").exists()


@pytest.mark.parametrize("what", ["models", "judges"])
def test_list_says_what_is_retired(capsys, what):
    """A model that its provider has ended is shown with its day and its successor."""
    assert main(["list", what]) == 0

    lines = {row.split()[0]: row for row in capsys.readouterr().out.splitlines()}
    assert "(retired 2026-10-23; use gpt-6.1-sol)" in lines["gpt-4"]
    assert "retired" not in lines["gpt-6-luna"]


def test_prompt_prints_the_exact_text(capsys):
    """The text is the one that the model would get, byte for byte."""
    assert main(["prompt", "vicuna-13b", "Hi", "Hello!", "Who are you?"]) == 0

    assert capsys.readouterr().out.endswith(
        " USER: Hi ASSISTANT: Hello!</s>USER: Who are you? ASSISTANT:"
    )


def test_plan_counts_and_calls_nothing(capsys, tmp_path):
    """The cost of a run is known before it starts."""
    assert main(["plan", *SCRIPTED]) == 0

    said = capsys.readouterr().out
    assert "answers   vicuna-13b: 16 calls" in said
    assert "judgments scripted: 64 calls" in said
    assert not (tmp_path / "results").exists()


def test_cfg_shows_the_composed_configuration(capsys):
    """The composed settings, in the form of the run's config.yaml."""
    assert main(["run", *SCRIPTED, "--cfg"]) == 0

    assert "vicuna-13b:" in capsys.readouterr().out


def test_a_judgment_of_two_calls_keeps_the_first_also_without_the_cache(tmp_path):
    """A paid reply is stored before it is used, for every value of `cache`."""
    main(["run", *SCRIPTED, "run=mine", "cache=off", "judge.repairs=1"])
    main(["run", *SCRIPTED, "run=once", "cache=off"])

    assert (tmp_path / "results/mine/completions.sqlite").exists()
    assert not (tmp_path / "results/once/completions.sqlite").exists()
    assert not (tmp_path / "results/completions.sqlite").exists()
