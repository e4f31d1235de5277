"""Processor time of one request: our client beside OpenAI's, at a server in another process.

python tests/performance/client_overhead.py [--requests 2000] [--concurrency 32]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from endpoint_model import KEY, backend_of, model, request
from openai import AsyncOpenAI
from server import serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PROMPT = "Write about Hawaii. " * 100
WARM_UP = 20


async def _ours(url: str, requests: int, concurrency: int) -> float:
    async with backend_of(model(f"{url}/v1", concurrency=concurrency)) as (backend, _):
        return await _microseconds(lambda: backend.complete(request(PROMPT)), requests)


async def _openais(url: str, requests: int, concurrency: int) -> float:
    slots = asyncio.Semaphore(concurrency)
    asked = {"model": "vicuna-13b", "messages": [{"role": "user", "content": PROMPT}]}
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY) as client:

        async def ask() -> object:
            async with slots:
                return await client.chat.completions.create(**asked)

        return await _microseconds(ask, requests)


async def _microseconds(ask: Callable[[], Awaitable[object]], requests: int) -> float:
    """Return the processor time of one request, after a warm-up."""
    await asyncio.gather(*[ask() for _ in range(WARM_UP)])
    began = time.process_time()
    await asyncio.gather(*[ask() for _ in range(requests)])
    return (time.process_time() - began) / requests * 1e6


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=32)
    arguments = parser.parse_args()
    for name, measure in (("evalharness", _ours), ("AsyncOpenAI", _openais)):
        with serving() as url:
            spent = asyncio.run(measure(url, arguments.requests, arguments.concurrency))
        print(f"{name}: {spent:.0f} microseconds of processor time a request")  # noqa: T201


if __name__ == "__main__":
    main()
