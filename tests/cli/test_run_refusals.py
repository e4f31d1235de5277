"""Runs on servers that refuse our defaults, as typed: defaults of files, the user's own, and a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from background_server import serve_in_background
from server import Server
from server_rules import SERVER_RULES

import evalharness
from evalharness.cli import main

NAMES = ("vicuna-13b", "alpaca-7b")
MANIFEST = Path("results", "mine", "manifest.json")


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder; the judge's configuration names a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")


def _arguments(url, *more):
    return [
        "run",
        f"models=[{','.join(NAMES)}]",
        *(f"models.{name}.backend=openai_compatible" for name in NAMES),
        *(f"models.{name}.base_url={url}" for name in NAMES),
        f"judge.model.base_url={url}",
        "questions.limit=2",
        "cache=off",
        "run=mine",
        *more,
    ]


def test_defaults_of_our_files_are_left_out_where_a_server_refuses_them(capsys):
    """Nothing needs to be set for a server that takes less than others."""
    with serve_in_background(Server(refuse=SERVER_RULES["openai_old_reasoning"])) as server:
        assert main(_arguments(server.url, "judge.reading=json")) == 0
        refused = len(server.refused)

    rules = json.loads(MANIFEST.read_text())["request_rules"]
    assert (
        refused <= 2 * 2 + 5
    )  # a candidate: max_tokens, temperature; a judge: system and format too
    assert rules["models"]["vicuna-13b"]["left_out"] == ["temperature"]
    assert "requests go without temperature" in capsys.readouterr().err


def test_a_temperature_of_the_user_is_refused_in_the_servers_words(capsys):
    """An override is a setting of the user, also where it equals our default."""
    with serve_in_background(Server(refuse=SERVER_RULES["anthropic"])) as server:
        code = main(_arguments(server.url, "models.vicuna-13b.sampling.temperature=0.7"))
        sent = [call.body for call in server.calls if call.model == "vicuna-13b"]

    said = capsys.readouterr().err
    assert code == 1
    assert all(body["temperature"] == 0.7 for body in sent)
    assert "`temperature` is deprecated for this model" in said
    assert "temperature=null leaves it out" in said


def test_a_run_killed_after_it_learned_pays_for_no_refusal_again(tmp_path):
    """SIGKILL right after the last refusal; the next command asks as the manifest says."""
    with serve_in_background(
        Server(refuse=SERVER_RULES["openai_reasoning"], latency_s=0.1)
    ) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "evalharness", *_arguments(server.url)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(evalharness.__file__).parents[1])},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and _count_known() < len(NAMES):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        refused = [call.model for call in server.refused]
        assert main(_arguments(server.url)) == 0
        again = [call.model for call in server.refused[len(refused) :]]

    assert set(refused) >= set(NAMES)
    assert not set(NAMES) & set(again)


def _count_known():
    """Return how many candidates are known to take no temperature, the last of their refusals."""
    if not MANIFEST.exists():
        return 0
    rules = json.loads(MANIFEST.read_text()).get("request_rules", {}).get("models", {})
    return sum("temperature" in each.get("left_out", ()) for each in rules.values())
