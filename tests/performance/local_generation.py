"""Tokens a second of our batches beside transformers' own loop, one conversation after another.

python tests/performance/local_generation.py [--weights embedded] [--conversations 12] [--tokens 48]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import torch

from evalharness.backends import local_transformers
from evalharness.backends._local_weights import Weights, load_model, load_tokenizer
from evalharness.domain import ModelSpec, Request, Sampling, conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Completion

TURNS = (
    "Write about Hawaii.",
    "Explain to a child why the sky is blue, and why it is red in the evening.",
    "Give me a recipe for pancakes.",
    "List the planets and say something about each of them.",
)


def _requests(conversations: int, tokens: int) -> list[Request]:
    return [
        Request(
            messages=conversation([f"{number}. {TURNS[number % len(TURNS)]}"], []),
            sampling=Sampling(max_tokens=tokens),
        )
        for number in range(conversations)
    ]


async def _ours(spec: ModelSpec, requests: Sequence[Request]) -> tuple[float, list[Completion]]:
    """Return tokens a second and the completions, all asked at once."""
    backend = local_transformers.connect(spec)
    try:
        await backend.complete(requests[0])  # loads
        began = time.perf_counter()
        completions = await asyncio.gather(*map(backend.complete, requests))
        seconds = time.perf_counter() - began
    finally:
        await backend.close()
    return sum(each.completion_tokens or 0 for each in completions) / seconds, completions


def _theirs(spec: ModelSpec, requests: Sequence[Request]) -> tuple[float, list[str]]:
    """Return tokens a second and the texts of `generate`, one request after another."""
    model: Any = load_model(Weights.of(spec))
    tokenizer = load_tokenizer(Weights.of(spec))
    written, texts, seconds = 0, [], 0.0
    for request in requests:
        prompt = tokenizer(
            local_transformers.prompt_text(spec, request.messages),
            add_special_tokens=False,
            return_tensors="pt",
        ).to(model.device)
        began = time.perf_counter()
        with torch.inference_mode():
            output = model.generate(
                **prompt, max_new_tokens=request.sampling.max_tokens, do_sample=False
            )
        seconds += time.perf_counter() - began
        reply = output[0, prompt["input_ids"].shape[1] :]
        written += len(reply)
        texts.append(tokenizer.decode(reply, skip_special_tokens=True).strip())
    return written / seconds, texts


def main() -> None:
    """Print both figures and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="embedded")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--conversations", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=48)
    asked = parser.parse_args()
    spec = ModelSpec(
        name="model",
        backend="local_transformers",
        weights=asked.weights,
        dtype=asked.dtype,
        template="tokenizer",
    )
    requests = _requests(asked.conversations, asked.tokens)
    ours, completions = asyncio.run(_ours(spec, requests))
    theirs, texts = _theirs(spec, requests)
    same = sum(mine.text == text for mine, text in zip(completions, texts, strict=True))
    sys.stdout.write(
        f"batched        {ours:8.1f} tokens/s\n"
        f"one at a time  {theirs:8.1f} tokens/s\n"
        f"ratio          {ours / theirs:8.1f}\n"
        f"same texts     {same} of {len(texts)}\n"
    )


if __name__ == "__main__":
    main()
