"""Judgments a second and processor time for each, in the real pipeline: prompt, call, read, store.

python tests/performance/throughput.py [--peers PYTHON] [--profile]

Everything runs against `fast_server.py` in a process of its own, and every figure is a share of a
limit or a ratio of this run: machines differ. With `--peers`, an interpreter that has `openai` and
`inspect-ai` installed, other programs make the same calls (`peers.py` says how).
"""

# ruff: noqa: T201 - a script that prints figures

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.config import load_settings
from evalharness.domain import Answer, AnswerTurn, Question, RunSpec, RunStage
from evalharness.runner import answer_digest, raise_gc_threshold, run_pipeline
from evalharness.runner.pipeline import connect_model
from evalharness.store import CachedBackend, CompletionCache, RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).parent
LATENCY_S = 0.2
PEERS = ("threads", "openai", "inspect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What so many calls took."""

    calls: int
    wall: float
    processor: float

    def line(self, limit: float) -> str:
        """Return the figures in words."""
        rate = self.calls / self.wall
        used = self.processor / self.calls * 1e6
        return f"{rate:6.0f}/s, {rate / limit:4.0%} of {limit:.0f}/s, {used:5.0f} us each"


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Run the fast server and give its address."""
    command = [sys.executable, HERE / "fast_server.py", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def run_spec(url: str, calls: int, concurrency: int) -> RunSpec:
    """Return a run of one model whose answers one judge grades, with that many questions."""
    settings = load_settings(
        [
            "models=[gpt-4o-mini]",
            "judge=gpt-4",
            "judging=graded",
            f"models.gpt-4o-mini.base_url={url}",
            f"judge.model.base_url={url}",
            f"models.gpt-4o-mini.concurrency={concurrency}",
            f"judge.model.concurrency={concurrency}",
            "questions.limit=1",
        ]
    )
    questions = tuple(
        Question(question_id=str(number), category="writing", turns=(f"Write about {number}.",))
        for number in range(calls)
    )
    return replace(settings.run, questions=questions)


def measure(
    spec: RunSpec, stages: Sequence[RunStage], profile: cProfile.Profile | None = None
) -> Measured:
    """Return what a run takes, cache and files included; nothing of it is there before."""
    with (
        tempfile.TemporaryDirectory() as place,
        RunFolder.open(Path(place, "run")) as folder,
    ):
        if RunStage.ANSWER not in stages:
            _answer(spec, folder)
        cache = CompletionCache(Path(place, "completions.sqlite"))
        work = run_pipeline(
            spec,
            folder,
            stages=stages,
            connect=lambda model: CachedBackend(connect_model(model), cache, model),
        )
        began, used = time.perf_counter(), time.process_time()
        if profile:
            profile.enable()
        with raise_gc_threshold():
            asyncio.run(work)
        if profile:
            profile.disable()
        measured = Measured(
            calls=len(stages) * len(spec.questions),
            wall=time.perf_counter() - began,
            processor=time.process_time() - used,
        )
        cache.close()
        if folder.failures or len(folder.judgments) < len(spec.questions):
            msg = f"{len(folder.failures)} failures, {len(folder.judgments)} judgments"
            raise SystemExit(msg)
        return measured


def _answer(spec: RunSpec, folder: RunFolder) -> None:
    (model,) = spec.models
    for question in spec.questions:
        text = f"{question.question_id}. " + "An answer of a model. " * 120
        key = answer_digest(model, question, 0, spec.seed)
        turn = AnswerTurn(text=text)
        folder.add_answer(
            Answer(question_id=question.question_id, model=model.name, turns=(turn,), digest=key)
        )


def peer(python: str, name: str, url: str, calls: int, concurrency: int) -> Measured:
    """Return what a peer takes for as many calls."""
    command = [python, HERE / "peers.py", name, url, str(calls), str(concurrency)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Measured(calls=calls, **found)


def at_latency(concurrency: int, calls: int, peers: str | None) -> None:
    """Print how near to the limit of so many calls in the air a run comes."""
    limit = concurrency / LATENCY_S
    print(f"\n{calls} judgments, {concurrency} at a time, {LATENCY_S} s each")
    with serving("--latency", str(LATENCY_S)) as url:
        found = measure(run_spec(url, calls, concurrency), (RunStage.JUDGE,))
        print(f"  evalharness {found.line(limit)}")
        for name in PEERS if peers else ():
            print(f"  {name:11} {peer(peers, name, url, calls // 2, concurrency).line(limit)}")


def under_limit(limit: int, errors: float, calls: int, *silent: str) -> None:
    """Print how much of a rate limit a run uses, and how often it runs into it."""
    told = "which is not told" if silent else "told in headers"
    print(f"\n{calls} judgments under a limit of {limit}/s {told}, {errors:.0%} errors")
    limits = ("--limit", str(limit), "--errors", str(errors), *silent)
    with serving("--latency", str(LATENCY_S), *limits) as u:
        found = measure(run_spec(u, calls, 64), (RunStage.JUDGE,))
        with urllib.request.urlopen(u.replace("/v1", "/stats")) as reply:  # noqa: S310 - ours
            counts = json.load(reply)
    asked = sum(counts.values())
    taken = asked - counts.get("refused", 0)
    print(f"  evalharness {taken / found.wall:.1f} taken and {calls / found.wall:.1f} judged a s, ")
    print(f"              {counts.get('refused', 0) / asked:.2%} refused with 429, {counts}")


def overlapping(calls: int, concurrency: int) -> None:
    """Print the wall time of answering and judging together beside the longer of both."""
    with serving("--latency", str(LATENCY_S)) as url:
        spec = run_spec(url, calls, concurrency)
        judged = measure(spec, (RunStage.JUDGE,))
        both = measure(spec, (RunStage.ANSWER, RunStage.JUDGE))
    print(f"\n{calls} answers and their judgments, {concurrency} at a time each")
    print(f"  together {both.wall / judged.wall:.2f} x the time of judging alone")


def alone(calls: int) -> None:
    """Print what the server can do, and what our pipeline costs without any wait."""
    print(f"\n{calls} judgments without latency: nothing but processor time")
    with serving() as url:
        found = measure(run_spec(url, calls, 64), (RunStage.JUDGE,))
        print(
            f"  evalharness {found.calls / found.wall:.0f}/s, {found.processor / calls * 1e6:.0f} us"
        )
        print(f"  the server  {_served_a_second(url):.0f}/s to one that only sends and counts")


def _served_a_second(url: str, calls: int = 20_000, connections: int = 32) -> float:
    """Return the requests a second that the server takes from raw connections."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    sent = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(calls // connections):
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"Length: ")[2].partition(b"\r\n")[0]))
        writer.close()

    async def work() -> float:
        began = time.perf_counter()
        await asyncio.gather(*[ask() for _ in range(connections)])
        return calls / (time.perf_counter() - began)

    return asyncio.run(work())


def profiled(calls: int) -> None:
    """Print where the processor time of a judgment goes."""
    profile = cProfile.Profile()
    with serving() as url:
        measure(run_spec(url, calls, 64), (RunStage.JUDGE,), profile)
    pstats.Stats(profile).sort_stats("tottime").print_stats(40)


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter that has the peers")
    parser.add_argument("--profile", action="store_true", help="only a profile of our pipeline")
    parser.add_argument("--calls", type=int, default=6000)
    given = parser.parse_args()
    os.environ["OPENAI_API_KEY"] = "sk-none"
    if given.profile:
        profiled(given.calls)
        return
    alone(given.calls)
    at_latency(64, given.calls, given.peers)
    at_latency(256, 2 * given.calls, given.peers)
    under_limit(100, 0.05, given.calls // 2)
    under_limit(100, 0.05, given.calls // 2, "--silent")
    overlapping(given.calls // 2, 64)


if __name__ == "__main__":
    main()
