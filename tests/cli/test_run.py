"""The verb `run` against a real server: models, judge, and the files of the run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from readme_run import ALL_CALLS, LIMIT, calls, environment, run
from server import serving

from evalharness.store import read_run


def test_a_run_makes_a_leaderboard_and_each_call_once(tmp_path):
    """Both models and the judge share a server; the number of calls is the planned one."""
    with serving() as url:
        done = run(url, tmp_path)
        asked = calls(url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "report: results/mine/report.html"
    assert sum(asked.values()) == ALL_CALLS
    assert max(asked.values()) == 1
    rows = json.loads((tmp_path / "results/mine/leaderboard.json").read_text())
    assert {row["model"] for row in rows} == {"vicuna-13b", "alpaca-7b"}
    assert all(row["battles"] == row["graded"] == LIMIT * 2 for row in rows)


@pytest.mark.weights
def test_a_run_works_with_local_weights(tmp_path):
    """Two checkpoints of different architectures answer, and a judge on a server grades them."""
    import checkpoints  # importing torch takes seconds, and only this test needs it

    vicuna = checkpoints.save(tmp_path / "vicuna", checkpoints.llama)
    alpaca = checkpoints.save(tmp_path / "alpaca", checkpoints.gpt_neox)
    # One that fits into the context of the tiny models, and one that does not.
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
            env=environment(tmp_path),
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
