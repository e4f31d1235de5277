"""The same calls as other programs make them: run by `throughput.py`, in an environment of theirs.

python tests/performance/peers.py threads|openai|inspect URL CALLS CONCURRENCY

Prints a line of JSON: seconds of wall time and of processor time after the imports.

    threads   a pool of threads, each with a blocking call of the `openai` package, and a line a
              judgment appended to a file under a lock, as FastChat's `gen_judgment.py` does
    openai    one bare AsyncOpenAI behind a semaphore: nothing is rendered, read or kept
    inspect   inspect-ai: a task of as many samples, its generate, a pattern scorer, its log
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KEY = "sk-none"


def _prompt(number: int) -> str:
    return f"Grade answer {number} from 1 to 10, as [[n]].\n" + "An answer of a model. " * 120


def threads(url: str, calls: int, concurrency: int) -> None:
    """Ask from a pool of threads."""
    import threading

    from openai import OpenAI

    client = OpenAI(base_url=url, api_key=KEY, max_retries=8)
    lock = threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "judgments.jsonl")

        def ask(number: int) -> None:
            reply = client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": _prompt(number)}],
                temperature=0,
                max_tokens=2048,
            )
            row = {"question_id": number, "judgment": reply.choices[0].message.content}
            with lock, path.open("a") as file:
                file.write(json.dumps(row) + "\n")

        with ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(ask, range(calls)))


def bare(url: str, calls: int, concurrency: int) -> None:
    """Ask with one AsyncOpenAI."""
    from openai import AsyncOpenAI

    async def work() -> None:
        slots = asyncio.Semaphore(concurrency)
        async with AsyncOpenAI(base_url=url, api_key=KEY, max_retries=8) as client:

            async def ask(number: int) -> None:
                async with slots:
                    await client.chat.completions.create(
                        model="m",
                        messages=[{"role": "user", "content": _prompt(number)}],
                        temperature=0,
                        max_tokens=2048,
                    )

            await asyncio.gather(*[ask(number) for number in range(calls)])

    asyncio.run(work())


def inspect(url: str, calls: int, concurrency: int) -> None:
    """Ask through inspect-ai's own pipeline."""
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import pattern
    from inspect_ai.solver import generate

    samples = [Sample(input=_prompt(number), target="7") for number in range(calls)]
    task = Task(dataset=samples, solver=generate(), scorer=pattern(r"\[\[(\d+)\]\]"))
    with tempfile.TemporaryDirectory() as folder:
        evaluate(
            task,
            model="openai/m",
            model_base_url=url,
            model_args={"responses_api": False},
            max_connections=concurrency,
            max_samples=concurrency,
            temperature=0,
            max_tokens=2048,
            log_dir=folder,
            display="none",
        )


PEERS = {"threads": threads, "openai": bare, "inspect": inspect}


def main() -> None:
    """Measure one."""
    name, url, calls, concurrency = sys.argv[1:]
    os.environ["OPENAI_API_KEY"] = KEY
    import openai  # noqa: F401 - outside of the measured time

    if name == "inspect":
        import inspect_ai.scorer  # noqa: F401
    began, used = time.perf_counter(), time.process_time()
    PEERS[name](url, int(calls), int(concurrency))
    wall, used = time.perf_counter() - began, time.process_time() - used
    print(json.dumps({"wall": wall, "processor": used}))  # noqa: T201


if __name__ == "__main__":
    main()
