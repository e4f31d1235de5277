"""The main line against a real server: models and judge, kills, and what is left on the disk."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from server import serving

from evalharness.store.run_folder import read_run

KEY = "sk-a-key-that-nobody-may-see"
LIMIT = 8
ANSWER_CALLS = 2 * LIMIT * 2
JUDGE_CALLS = LIMIT * 2 * (2 + 2)
FILES = ("answers.jsonl", "judgments.jsonl", "failures.jsonl", "leaderboard.json")


def _command(url: str, *overrides: str) -> list[str]:
    """Return the main line of the README, with both models and the judge on one server."""
    models = ("vicuna-13b", "alpaca-7b")
    served = [
        override
        for model in models
        for override in (
            f"models.{model}.backend=openai_compatible",
            f"models.{model}.base_url={url}/v1",
            f"models.{model}.endpoint=completions",
        )
    ]
    return [
        sys.executable,
        "-m",
        "evalharness",
        "run",
        "+models=[vicuna-13b,alpaca-7b]",
        *served,
        f"judge.model.base_url={url}/v1",
        f"questions.limit={LIMIT}",
        "run=mine",
        *overrides,
    ]


def _environment(home) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_API_KEY": KEY}


def _calls(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/calls", timeout=10) as reply:  # noqa: S310 - our server
        return json.load(reply)["by_request"]


def _run(url: str, folder, *overrides: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        _command(url, *overrides),
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _without_time(path) -> list[str]:
    """Return a file's records without the seconds that each call took."""

    def strip(value):
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key != "seconds"}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    text = path.read_text()
    rows = text.splitlines() if path.suffix == ".jsonl" else [text]
    return [json.dumps(strip(json.loads(row)), sort_keys=True) for row in rows]


def test_the_main_line_makes_a_leaderboard_and_asks_everything_once(tmp_path):
    """Both models and the judge behind one server: the number of calls is what plan says."""
    with serving() as url:
        done = _run(url, tmp_path)
        asked = _calls(url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "report: results/mine/report.html"
    assert sum(asked.values()) == ANSWER_CALLS + JUDGE_CALLS
    assert max(asked.values()) == 1
    rows = json.loads((tmp_path / "results/mine/leaderboard.json").read_text())
    assert {row["model"] for row in rows} == {"vicuna-13b", "alpaca-7b"}
    assert all(row["battles"] == row["graded"] == LIMIT * 2 for row in rows)


def test_the_key_is_in_no_file_and_no_message(tmp_path):
    """Whatever a run writes can be shown to others."""
    with serving("--behaviors", "unauthorized,unauthorized,server_error") as url:
        done = _run(url, tmp_path)

    assert done.returncode == 1
    assert KEY not in done.stdout + done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path for path in written if KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("moment", range(5))
def test_a_killed_run_continues_and_ends_like_an_uninterrupted_one(tmp_path, moment):
    """SIGKILL at random moments: no finished call is asked twice, and the files end up equal."""
    draw = random.Random(moment)
    latency = 0.02
    killed = tmp_path / "killed"
    killed.mkdir()
    with serving("--latency", str(latency)) as url:
        for _ in range(2):
            process = subprocess.Popen(
                _command(url, "models.vicuna-13b.concurrency=2", "models.alpaca-7b.concurrency=2",
                         "judge.model.concurrency=2"),
                cwd=killed,
                env=_environment(killed),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            _kill_after(process, killed / "results/mine", draw.randint(1, 40))
        finished = _run(url, killed)
        asked = _calls(url)
        whole = _run(url, tmp_path / "whole")

    assert (finished.returncode, whole.returncode) == (0, 0), finished.stderr + whole.stderr
    in_flight = 2 * 6
    assert sum(asked.values()) <= ANSWER_CALLS + JUDGE_CALLS + in_flight
    for name in FILES:
        left, right = (tmp_path / run / "results/mine" / name for run in ("killed", "whole"))
        assert _without_time(left) == _without_time(right)


def _kill_after(process: subprocess.Popen[bytes], folder, records: int) -> None:
    """Kill the process once its files have grown by so many records, or let it end."""
    before = _records(folder)
    while process.poll() is None and _records(folder) < before + records:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _records(folder) -> int:
    return sum(
        (folder / name).read_bytes().count(b"\n")
        for name in ("answers.jsonl", "judgments.jsonl")
        if (folder / name).exists()
    )


def test_an_interrupt_leaves_a_page_and_the_same_command_resumes(tmp_path):
    """Ctrl-C: what is there is published, the exit code says so, nothing is asked twice."""
    one_at_a_time = [
        f"{place}.concurrency=1"
        for place in ("models.vicuna-13b", "models.alpaca-7b", "judge.model")
    ]
    with serving("--latency", "0.05") as url:  # the judge alone takes three seconds more
        process = subprocess.Popen(
            _command(url, *one_at_a_time),
            cwd=tmp_path,
            env=_environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        folder = tmp_path / "results/mine"
        while process.poll() is None and _records(folder) < 10:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)
        page = (folder / "report.html").read_text()
        finished = _run(url, tmp_path)
        asked = _calls(url)

    assert process.returncode == 130, said
    assert "the same command resumes" in said[1]
    assert page.lower().startswith("<!doctype html>")
    assert finished.returncode == 0
    in_flight = 3
    assert sum(asked.values()) <= ANSWER_CALLS + JUDGE_CALLS + in_flight
    assert len(read_run(folder).judgments) == JUDGE_CALLS


@pytest.mark.weights
def test_the_main_line_runs_on_weights_on_the_disk(tmp_path):
    """Two checkpoints of different architectures answer, and a server judges them."""
    import checkpoints  # torch takes seconds, and only this test needs it

    vicuna = checkpoints.save(tmp_path / "vicuna", checkpoints.llama)
    alpaca = checkpoints.save(tmp_path / "alpaca", checkpoints.gpt_neox)
    # One that fits the tiny models' context, and one that does not.
    questions = tmp_path / "questions.jsonl"
    lines = [
        {"question_id": "short", "category": "writing", "turns": ["Hi", "Go on"]},
        {"question_id": "long", "category": "writing", "turns": ["Hi " * 999]},
    ]
    questions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with serving() as url:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "evalharness",
                "run",
                "+models=[vicuna-13b,alpaca-7b]",
                f"models.vicuna-13b.weights={vicuna}",
                f"models.alpaca-7b.weights={alpaca}",
                "models.vicuna-13b.sampling.max_tokens=6",
                "models.alpaca-7b.sampling.max_tokens=6",
                "models.vicuna-13b.dtype=float32",
                "models.alpaca-7b.dtype=float32",
                f"judge.model.base_url={url}/v1",
                f"questions={questions}",
                "run=mine",
            ],
            cwd=tmp_path,
            env=_environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    records = read_run(tmp_path / "results/mine")
    assert done.returncode == 1
    assert "context_length" in done.stderr
    assert {(row.question_id, row.reason) for row in records.failures} == {
        ("long", "context_length")
    }
    assert {(answer.model, len(answer.turns)) for answer in records.answers} == {
        ("vicuna-13b", 2),
        ("alpaca-7b", 2),
    }
    assert len(records.games) == 4
