"""The command of the README against a real server, as a child process, and its files.

Imported by tests of the command line, of interrupts and of kills.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request

KEY = "sk-a-key-that-nobody-may-see"
LIMIT = 8
ANSWER_CALLS = 2 * LIMIT * 2
JUDGE_CALLS = LIMIT * 2 * (2 + 2)
TRIAL_CALLS = 1  # the judge's verdict before the first answer
ALL_CALLS = TRIAL_CALLS + ANSWER_CALLS + JUDGE_CALLS
FILES = ("answers.jsonl", "judgments.jsonl", "failures.jsonl", "leaderboard.json")
SLOWLY = tuple(
    f"{place}.concurrency=2" for place in ("models.vicuna-13b", "models.alpaca-7b", "judge.model")
)
IN_FLIGHT = 6


def command(url: str, *overrides: str, verb: str = "run") -> list[str]:
    """Return the command of the README, with both models and the judge on one server."""
    if verb == "report":
        return [sys.executable, "-m", "evalharness", verb, "mine"]
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
        verb,
        "+models=[vicuna-13b,alpaca-7b]",
        *served,
        f"judge.model.base_url={url}/v1",
        f"questions.limit={LIMIT}",
        "run=mine",
        *overrides,
    ]


def environment(home) -> dict[str, str]:
    """Return the environment of a child process, with a key."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_API_KEY": KEY}


def calls(url: str) -> dict[str, int]:
    """Return how often the server received each request."""
    with urllib.request.urlopen(f"{url}/calls", timeout=10) as reply:  # noqa: S310 - our server
        return json.load(reply)["by_request"]


def run(url: str, folder, *overrides: str, verb: str = "run") -> subprocess.CompletedProcess[str]:
    """Run the command in a folder to its end."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        command(url, *overrides, verb=verb),
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def without_time(path) -> list[str]:
    """Return the records of a file without the durations of the calls."""

    def strip(value):
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key != "seconds"}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    text = path.read_text()
    rows = text.splitlines() if path.suffix == ".jsonl" else [text]
    return [json.dumps(strip(json.loads(row)), sort_keys=True) for row in rows]


def records(folder) -> int:
    """Return the numbers of stored answer turns and judgments, the trial's among them."""
    return sum(
        (folder / name).read_bytes().count(b"\n")
        for name in ("answers.jsonl", "judgments.jsonl", "trials.jsonl")
        if (folder / name).exists()
    )
