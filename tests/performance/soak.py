"""Soak: thousands of judgments from a server that fails in twelve ways, in a run killed every few seconds.

    python tests/performance/soak.py [--judgments 20000] [--minutes 20] [--load 6]

The first call of one request in ten fails, in a way that its content decides; the next one is
answered. The run is killed at random moments for so many minutes, then it ends in peace. Nothing may
be missing or double, only calls in flight may have been made again, and the leaderboard is that of a
run without kills on a server without faults. Afterwards, two runs and reports share one cache on a
busy machine.
"""

# ruff: noqa: T201 - a script that prints figures

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from server import Server
from server_replies import Behavior

from evalharness.store import read_run

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from server_replies import Call

logging.getLogger("aiohttp.server").setLevel(
    logging.CRITICAL
)  # it logs replies that stay unfinished

FAILURES = (
    Behavior.RATE_LIMITED_MS,
    Behavior.SERVER_ERROR,
    Behavior.OVERLOADED,
    Behavior.DISCONNECT,
    Behavior.HALF_JSON,
    Behavior.CUT,
    Behavior.HANG,
    Behavior.DRIP,
    Behavior.NO_CHOICES,
    Behavior.WRONG_TYPE,
    Behavior.CONTEXT_LENGTH,
    Behavior.REDIRECT,
)
FAILING_SHARE = 0.1
MODELS = tuple(f"model-{number}" for number in range(8))
PER_QUESTION = len(MODELS) * len(MODELS)
"""A grade of each model, and both orders of each pair."""
CONCURRENCY = 4
CALLS_IN_FLIGHT = CONCURRENCY * (len(MODELS) + 1)
TIMEOUT_S = 2


@dataclass
class Replies:
    """Fail or reply by the content of a request, and count the replies."""

    fails: bool = True
    seen: set[str] = field(default_factory=set)
    good: Counter[str] = field(default_factory=Counter)
    failed: Counter[Behavior] = field(default_factory=Counter)

    def choose(self, call: Call) -> Behavior:
        """Return what the server does with a call."""
        draw = random.Random(call.digest)
        if self.fails and call.digest not in self.seen and draw.random() < FAILING_SHARE:
            self.seen.add(call.digest)
            behavior = draw.choice(FAILURES)
            self.failed[behavior] += 1
            return behavior
        self.good[call.digest] += 1
        return Behavior.OK

    @property
    def repeated(self) -> int:
        """The number of good replies that were asked for again."""
        return sum(self.good.values()) - len(self.good)


def _write_setup(folder: Path, url: str, judgments: int) -> None:
    """Write the questions, and the provider of all models."""
    folder.mkdir(exist_ok=True)
    (folder / "own/providers").mkdir(parents=True, exist_ok=True)
    (folder / "own/providers/lab.yaml").write_text(
        f"base_url: {url}\nconcurrency: {CONCURRENCY}\ntimeout_s: {TIMEOUT_S}\n"
    )
    categories = ("maths", "letters", "plans")
    rows = (
        {
            "question_id": number,
            "category": categories[number % len(categories)],
            "turns": [f"What is {number} times {number + 7}, and how did you find it?"],
        }
        for number in range(1, judgments // PER_QUESTION + 2)
    )
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "questions.jsonl").write_text(text, encoding="utf-8")


async def _start(folder: Path, name: str, *overrides: str, verb: str = "run") -> Process:
    models = ",".join(f"lab/{model}" for model in MODELS)
    settings = (
        f"+models=[{models}]",
        "judge=lab/a-judge",
        "questions=questions.jsonl",
        "judging.pairs=all",
        f"run={name}",
        *overrides,
        *("--config-dir", "own"),
    )
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "evalharness", verb),
        *(settings if verb == "run" else (name,)),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=(folder / f"{name}.err").open("wb"),
        start_new_session=True,
    )


def _read_peak_mb(process: Process) -> float:
    """Return the most memory that a process has used, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(peak.split()[1]) / 1024


async def _kill_often(folder: Path, replies: Replies, minutes: float, seed: int) -> None:
    """Start the run and kill it, again and again; print the numbers."""
    draw, ends = random.Random(seed), time.monotonic() + 60 * minutes
    peaks: list[float] = []
    while time.monotonic() < ends:
        process = await _start(folder, "mine")
        try:
            await asyncio.wait_for(process.wait(), draw.uniform(5, 20))
        except TimeoutError:
            peaks.append(_read_peak_mb(process))
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        else:
            print(f"ended by itself with {process.returncode}")
            break
        stored = (folder / "results/mine/judgments.jsonl").read_bytes().count(b"\n")
        print(f"kill {len(peaks)}: {stored} judgments, {peaks[-1]:.0f} MB", flush=True)
    allowed = len(peaks) * CALLS_IN_FLIGHT
    print(f"kills {len(peaks)}; memory at most {max(peaks, default=0):.0f} MB")
    print(f"calls made again {replies.repeated}, of {allowed} that may have been in flight")
    assert replies.repeated <= allowed


async def _end_in_peace(folder: Path, name: str, *overrides: str) -> None:
    """Run until nothing is left to ask: a failure is asked again by the same command."""
    for _ in range(4):
        process = await _start(folder, name, *overrides)
        if await process.wait() == 0:
            return
    raise AssertionError((folder / f"{name}.err").read_text()[-3000:])


def _check(folder: Path, name: str) -> None:
    """Check that every judgment is there, and once."""
    records = read_run(folder / "results" / name)
    questions, models = len(records.questions), len(MODELS)
    graded = Counter((row.model, row.question_id) for row in records.graded)
    games = Counter((row.model_a, row.model_b, row.question_id) for row in records.games)
    assert not records.failures, records.failures[:3]
    assert len(records.answers) == questions * models
    assert (len(graded), len(games)) == (questions * models, questions * models * (models - 1))
    assert {*graded.values(), *games.values()} == {1}
    print(f"{name}: {len(records.judgments)} judgments, each once")


def _boards(folder: Path, *names: str) -> set[str]:
    return {(folder / "results" / name / "leaderboard.csv").read_text() for name in names}


async def _share_a_cache(folder: Path, load: int) -> None:
    """Run twice on one cache, with reports of the first, while other processes keep the machine busy."""
    endless = (sys.executable, "-c", "while True: pass")
    busy = [await asyncio.create_subprocess_exec(*endless) for _ in range(load)]
    try:
        runs = [await _start(folder, name) for name in ("one", "two")]
        while any(run.returncode is None for run in runs):
            if (folder / "results/one/judgments.jsonl").exists():
                report = await _start(folder, "one", verb="report")
                assert await report.wait() in {0, 1, 3}, (folder / "one.err").read_text()
            await asyncio.sleep(1)
    finally:
        for process in busy:
            process.kill()
    for name in ("one", "two"):
        await _end_in_peace(folder, name)
        _check(folder, name)


async def _soak(arguments: argparse.Namespace, folder: Path) -> None:
    replies = Replies()
    async with Server(replies.choose) as server:
        _write_setup(folder, server.url, arguments.judgments)
        await _kill_often(folder, replies, arguments.minutes, arguments.seed)
        await _end_in_peace(folder, "mine")
        _check(folder, "mine")
        print(f"failures {sum(replies.failed.values())}: {len(replies.failed)} ways")
        replies.fails = False
        await _end_in_peace(folder, "calm", "cache=off")
        _check(folder, "calm")
        assert len(_boards(folder, "mine", "calm")) == 1
        _write_setup(folder, server.url, arguments.judgments // 20)
        (folder / "results/completions.sqlite").unlink()
        await _share_a_cache(folder, arguments.load)
        assert len(_boards(folder, "one", "two")) == 1
    print("the leaderboards are those of undisturbed runs")


def main() -> None:
    """Soak, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--judgments", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--load", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_soak(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
