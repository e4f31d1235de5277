"""`judge.mode=batch`: the same files for half the price, also after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from server import serving

from evalharness.cli import main

LIMIT = 4
TRIAL = 1  # the judge's verdict before the first answer, live in both modes
ANSWERS, JUDGMENTS = 2 * LIMIT * 2, LIMIT * 2 * 4


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder; put the key of the judge into the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")


def _arguments(url: str, *overrides: str) -> list[str]:
    models = ("vicuna-13b", "alpaca-7b")
    return [
        "run",
        f"models=[{','.join(models)}]",
        *(f"models.{name}.backend=openai_compatible" for name in models),
        *(f"models.{name}.base_url={url}/v1" for name in models),
        "judge=gpt-4",
        f"judge.model.base_url={url}/v1",
        "judge.model.prices={input: 1, output: 4}",
        f"questions.limit={LIMIT}",
        *overrides,
    ]


def _counts(url: str) -> dict:
    with urllib.request.urlopen(f"{url}/calls", timeout=10) as reply:  # noqa: S310 - our server
        return json.load(reply)


def test_a_batch_judges_as_single_calls_do_for_half_the_price(tmp_path):
    """All judgments are in one batch; the leaderboard is the same; resuming live makes no call."""
    with serving() as url:
        assert main(_arguments(url, "run=live", "cache=off")) == 0
        assert main(_arguments(url, "run=batch", "cache=off", "judge.mode=batch")) == 0
        counts = _counts(url)
        live, batch = (tmp_path / "results" / name for name in ("live", "batch"))
        usage = [json.loads((run / "manifest.json").read_text())["usage"] for run in (live, batch)]
        assert main(_arguments(url, "run=batch", "cache=off")) == 0
        after = _counts(url)
        resumed = json.loads((batch / "manifest.json").read_text())["usage"]

    assert counts["batches"] == 1
    assert counts["total"] == after["total"] == 2 * (TRIAL + ANSWERS + JUDGMENTS)
    assert (live / "leaderboard.json").read_bytes() == (batch / "leaderboard.json").read_bytes()
    assert usage[0]["judges"]["prompt_tokens"] == usage[1]["judges"]["prompt_tokens"]
    assert usage[1]["judges"]["usd"] == pytest.approx(usage[0]["judges"]["usd"] / 2, abs=1e-6)
    assert resumed["judges"]["usd"] == usage[1]["judges"]["usd"]


def test_a_run_killed_between_sending_and_collecting_sends_nothing_twice(tmp_path):
    """SIGKILL while the server works on the batch: the next run collects it."""
    with serving() as url:
        command = [sys.executable, "-m", "evalharness"]
        command += _arguments(url, "run=mine", "judge.mode=batch")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "OPENAI_API_KEY": "sk-none",
        }
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        journal = tmp_path / "results/mine/batches.jsonl"
        while process.poll() is None and not (
            journal.exists() and b"batch-1" in journal.read_bytes()
        ):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        judgments = (tmp_path / "results/mine/judgments.jsonl").read_bytes()
        assert main(_arguments(url, "run=mine", "judge.mode=batch")) == 0
        counts = _counts(url)

    assert judgments == b""
    assert counts["batches"] == 1
    assert counts["total"] == TRIAL + ANSWERS + JUDGMENTS
    assert (tmp_path / "results/mine/judgments.jsonl").read_bytes().count(b"\n") == JUDGMENTS


def test_a_batch_needs_a_server(capsys):
    """A judge on this machine has no batch endpoint."""
    arguments = ["run", "models=[vicuna-13b]", "judge=scripted", "judge.mode=batch"]
    assert main(arguments) == 2
    assert "judge.mode=batch: needs a server" in capsys.readouterr().err
