"""Kill runs at random moments of every stage, and check that no stored reply is lost.

    python tests/support/kill_trials.py --kills 200 --seed 1     # prints the kills and the repeated calls

A trial is a new folder and a new server. Each of its stages is started and killed until one start
ends or enough of them were killed, then run to its end. After every kill the server has received
only calls whose replies are stored, and calls that were in flight. In the end, the files are those
of a trial that was not killed.
"""

from __future__ import annotations

import argparse
import random
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from readme_run import FILES, IN_FLIGHT, SLOWLY, calls, command, environment, run, without_time
from server import serving

from evalharness.domain import Answer
from evalharness.store import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LATENCY_S = 0.02
CHAINS = (("run", "audit", "report"), ("answer", "judge", "audit", "report"))
CACHES = ("cache=on", "cache=off")
COMPARED = (*FILES, "leaderboard.csv", "leaderboard.md", "leaderboard.tex", "audit.json")
COMPARED += ("probes.jsonl", "questions.jsonl", "config.yaml")
_KILLS_PER_STAGE = 4


@dataclass(frozen=True)
class CompleteTrial:
    """A trial without a kill: its folder, the number of its calls, the duration of its stages."""

    folder: Path
    port: str  # every key depends on the address
    call_count: int
    seconds: dict[str, float]


@dataclass
class Tally:
    """The numbers of kills, and of calls that they cost."""

    kills: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    repeated_calls: int = 0
    most_repeated_calls: int = 0


def trials(
    kills: int,
    seed: int,
    top: Path,
    *,
    chains: Sequence[tuple[str, ...]] = CHAINS,
    caches: Sequence[str] = CACHES,
) -> Tally:
    """Kill runs this often, in folders below `top`, and return the numbers.

    Raises:
        AssertionError: a stored reply was lost, or its call was repeated.
    """
    draw, tally = random.Random(seed), Tally()
    complete_trials: dict[tuple[tuple[str, ...], str], CompleteTrial] = {}
    number = 0
    while sum(tally.kills.values()) < kills:
        chain, cache = draw.choice(chains), draw.choice(caches)
        if (chain, cache) not in complete_trials:
            complete_trials[chain, cache] = _run_complete_trial(
                chain, cache, top / f"whole-{len(complete_trials)}"
            )
        number += 1
        _run_killed_trial(
            chain,
            cache,
            complete_trials[chain, cache],
            top / f"killed-{number}",
            draw,
            tally,
            kills,
        )
    return tally


def _run_complete_trial(chain: tuple[str, ...], cache: str, folder: Path) -> CompleteTrial:
    seconds = {}
    with serving("--latency", str(LATENCY_S)) as url:
        for verb in chain:
            began = time.monotonic()
            _run_to_end(url, folder, cache, verb)
            seconds[verb] = time.monotonic() - began
        port = url.rpartition(":")[2]
        return CompleteTrial(
            folder=folder, port=port, call_count=_count_calls(url), seconds=seconds
        )


def _run_to_end(url: str, folder: Path, cache: str, verb: str) -> None:
    done = run(url, folder, *SLOWLY, cache, verb=verb)
    assert done.returncode == 0, (verb, folder, done.stdout, done.stderr)


def _run_killed_trial(
    chain: tuple[str, ...],
    cache: str,
    complete: CompleteTrial,
    folder: Path,
    draw: random.Random,
    tally: Tally,
    kills: int,
) -> None:
    folder.mkdir()
    lost = 0
    with serving("--latency", str(LATENCY_S), "--port", complete.port) as url:
        for verb in chain:
            for _ in range(_KILLS_PER_STAGE):
                if sum(tally.kills.values()) >= kills:
                    break
                before = _count_stored(folder, cache)
                if not _start_and_kill(url, folder, cache, verb, draw, complete.seconds[verb]):
                    break
                kept = _count_stored(folder, cache)
                again = _count_calls(url) - kept - lost
                assert 0 <= again <= IN_FLIGHT, (verb, folder, again)
                lost += again
                tally.kills[verb] += 1
                tally.moments["during calls" if kept > before else "before or after"] += 1
                tally.most_repeated_calls = max(tally.most_repeated_calls, again)
            _run_to_end(url, folder, cache, verb)
        call_count = _count_calls(url)
    assert call_count == complete.call_count + lost, (folder, call_count, complete.call_count, lost)
    tally.repeated_calls += lost
    for name in COMPARED:
        _compare(folder / "results/mine" / name, complete.folder / "results/mine" / name)
    assert _file_names(folder) == _file_names(complete.folder)


def _start_and_kill(
    url: str, folder: Path, cache: str, verb: str, draw: random.Random, seconds: float
) -> bool:
    """Start a stage and kill it at a random moment; return whether it was alive."""
    process = subprocess.Popen(
        command(url, *SLOWLY, cache, verb=verb),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(draw.uniform(0.2, 1.0) * seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def _count_calls(url: str) -> int:
    """Return the number of calls on the server, once all those of a killed process have arrived."""
    before, now = -1, sum(calls(url).values())
    while now != before:
        time.sleep(2 * LATENCY_S)
        before, now = now, sum(calls(url).values())
    return now


def _count_stored(folder: Path, cache: str) -> int:
    """Return the number of stored completions."""
    mine = folder / "results/mine"
    trials = len(set(_complete_lines(mine / "trials.jsonl")))  # asked past the cache
    if cache == "cache=on":
        file = folder / "results/completions.sqlite"
        return trials + (_count_rows(file) if file.exists() else 0)
    answers = {row.digest: row for row in read_records(mine / "answers.jsonl", Answer)}
    return (
        trials
        + sum(len(answer.turns) for answer in answers.values())
        + sum(
            len(set(_complete_lines(mine / name))) for name in ("judgments.jsonl", "probes.jsonl")
        )
    )


def _count_rows(file: Path) -> int:
    with closing(sqlite3.connect(file)) as cache:
        tables = [name for (name,) in cache.execute("SELECT name FROM sqlite_master")]
        if "completions" not in tables:
            return 0
        (count,) = cache.execute("SELECT count(*) FROM completions").fetchone()
        return count


def _complete_lines(path: Path) -> Iterator[bytes]:
    content = path.read_bytes() if path.exists() else b""
    return (line for line in content.splitlines(keepends=True) if line.endswith(b"\n"))


def _compare(left: Path, right: Path) -> None:
    assert left.exists() == right.exists(), left
    if not left.exists():
        return
    if left.suffix in {".json", ".jsonl"}:
        assert sorted(without_time(left)) == sorted(without_time(right)), left
    else:
        assert left.read_bytes() == right.read_bytes(), left


def _file_names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "results/mine").iterdir()}


def main() -> None:
    """Kill runs as often as the arguments say, and print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        tally = trials(arguments.kills, arguments.seed, Path(top))
    for line in (
        f"killed        {dict(tally.kills)}",
        f"moments       {dict(tally.moments)}",
        f"call_count again   {tally.repeated_calls}, at most {tally.most_repeated_calls} after one kill",
        f"in flight     {IN_FLIGHT} at most",
    ):
        print(line)  # noqa: T201 - a script prints


if __name__ == "__main__":
    main()
