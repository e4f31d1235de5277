"""Let a local model run out of memory, in a child process of a test.

    python tight_memory.py FOLDER MEGABYTES

It loads the checkpoint, limits its address space to this number of megabytes above the current
size, and calls the model. It prints the replies and the number of rows of every batch.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

import torch
from endpoint_model import request
from local_models import model

from evalharness.backends.local_transformers import connect
from evalharness.domain import Sampling

ROWS = 32
LETTERS = "zqxkvj"  # characters that the tokenizer does not merge


def requests():
    """Return conversations that nearly fill the context of the model."""
    return [
        request(f"{number} {LETTERS * 35}", sampling=Sampling(max_tokens=6))
        for number in range(ROWS)
    ]


def limit(megabytes: int) -> None:
    """Limit the memory of this process to its current size and this number of megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, highest = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, highest))


def lift_limit() -> None:
    """Remove the limit on memory."""
    _, highest = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (highest, highest))


async def answer(folder: str, megabytes: int) -> tuple[list[str], list[int]]:
    """Return the replies or errors, and the numbers of rows in the batches."""
    read: list[int] = []

    def look(module, inputs):
        if isinstance(module, torch.nn.Embedding) and inputs[0].shape[1] > 1:
            read.append(inputs[0].shape[0])

    backend = connect(model(folder, attention="eager"))
    await backend.lend(lambda _loaded: limit(megabytes))
    torch.nn.modules.module.register_module_forward_pre_hook(look)
    found = await asyncio.gather(*map(backend.complete, requests()), return_exceptions=True)
    lift_limit()
    await backend.close()
    return [getattr(each, "text", repr(each)) for each in found], read


if __name__ == "__main__":
    texts, rows = asyncio.run(answer(sys.argv[1], int(sys.argv[2])))
    sys.stdout.write(json.dumps({"texts": texts, "rows": rows}))
