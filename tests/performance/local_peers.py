"""Our batches beside lm-eval's on the same weights.

    python tests/performance/local_peers.py [--conversations 32] [--tokens 96] [--rows 16]

Both write greedily for the same prompts with as many rows at a time; a reply may end before its
limit, and the limits differ, as those of real replies do.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.backends import render_local_prompt
from evalharness.backends.local import batch_generation
from evalharness.backends.local.settings import WeightsSettings
from evalharness.backends.local.weights import Weights, load_model, load_tokenizer
from evalharness.backends.local_transformers import connect
from evalharness.domain import ModelSpec, Request, Sampling, build_conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Completion

TURNS = (
    "Write about Hawaii.",
    "Explain to a child why the sky is blue, and why it is red in the evening. " * 4,
    "Give me a recipe for pancakes, with amounts in grams.",
    "List the planets and say something about each of them. " * 8,
)
SPEC = ModelSpec(
    name="model",
    backend="local_transformers",
    settings=WeightsSettings(weights="embedded", dtype="float32"),
    template="tokenizer",
)


def ours(requests: Sequence[Request]) -> tuple[float, list[Completion]]:
    """Return the seconds of all requests, loading left out, and what came back."""

    async def work() -> tuple[float, list[Completion]]:
        backend = connect(SPEC)
        try:
            short = replace(requests[0], sampling=Sampling(max_tokens=1))
            await backend.complete(short)  # loads
            began = time.perf_counter()
            found = await asyncio.gather(*map(backend.complete, requests))
            return time.perf_counter() - began, found
        finally:
            await backend.close()

    return asyncio.run(work())


def lm_eval_s(requests: Sequence[Request], rows: int) -> tuple[float, list[str]]:
    """Return the seconds of lm-eval's `generate_until`, loading left out, and the texts."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model, tokenizer = load_model(Weights.of(SPEC)), load_tokenizer(Weights.of(SPEC))
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=rows, device="cpu")
    asked = []
    for number, request in enumerate(requests):
        prompt = render_local_prompt(SPEC, request.messages)
        limits = {"until": [], "max_gen_toks": request.sampling.max_tokens, "do_sample": False}
        asked.append(
            Instance(request_type="generate_until", doc={}, arguments=(prompt, limits), idx=number)
        )
    began = time.perf_counter()
    texts = lm.generate_until(asked, disable_tqdm=True)
    return time.perf_counter() - began, texts


def main() -> None:
    """Print the figures and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--rows", type=int, default=16)
    asked = parser.parse_args()
    batch_generation._MAX_ROWS = asked.rows
    requests = [
        Request(
            messages=build_conversation([f"{number}. {TURNS[number % len(TURNS)]}"], []),
            sampling=Sampling(max_tokens=asked.tokens * (1 + number % 4) // 4),
        )
        for number in range(asked.conversations)
    ]
    seconds, completions = ours(requests)
    theirs, texts = lm_eval_s(requests, asked.rows)
    same = sum(mine.text == text.strip() for mine, text in zip(completions, texts, strict=True))
    sys.stdout.write(
        f"our batches       {seconds:7.1f} s\n"
        f"generate_until    {theirs:7.1f} s\n"
        f"ratio             {theirs / seconds:7.2f}\n"
        f"same texts        {same} of {len(texts)}\n"
    )


if __name__ == "__main__":
    main()
