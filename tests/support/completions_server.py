"""A completions endpoint on the loopback with the texts and log probabilities of a real model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import torch
from aiohttp import web
from server_replies import json_reply
from transformers import AutoModelForCausalLM, AutoTokenizer

if TYPE_CHECKING:
    from pathlib import Path


class CompletionsServer:
    """The server; open it with `async with`.

    Attributes:
        bodies: the bodies of the requests, in order.
        failing: how many of the next requests are refused with status 503.
    """

    def __init__(self, weights: Path, *, echoes: bool = True) -> None:
        """Serve a model; without `echoes` it ignores the parameter `echo`, as many servers do."""
        self.bodies: list[dict[str, Any]] = []
        self.failing = 0
        self._echoes = echoes
        self._model = AutoModelForCausalLM.from_pretrained(weights).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(weights)
        application = web.Application()
        application.router.add_post("/v1/completions", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        self.url = ""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        if self.failing:
            self.failing -= 1
            return json_reply(
                {"error": {"message": "busy"}}, status=503, headers={"retry-after-ms": "1"}
            )
        with torch.inference_mode():
            return json_reply(self._complete(body))

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = self._tokenizer(body["prompt"])["input_ids"]
        written, logits = list(prompt), None
        for _ in range(body["max_tokens"]):
            logits = self._model(torch.tensor([written])).logits[0].float().log_softmax(dim=-1)
            written.append(int(logits[-1].argmax()))
            if written[-1] == self._tokenizer.eos_token_id:
                break
        text = self._tokenizer.decode(written[len(prompt) :], skip_special_tokens=True)
        logprobs = None
        if body.get("logprobs") is not None:
            shown = written if self._echoes and body.get("echo") else written[-1:]
            logprobs = self._logprobs_of(shown, logits[-len(shown) :])
        return {
            "choices": [{"text": text, "finish_reason": "length", "logprobs": logprobs}],
            "usage": {
                "prompt_tokens": len(prompt),
                "completion_tokens": len(written) - len(prompt),
            },
        }

    def _logprobs_of(self, tokens: list[int], logits: torch.Tensor) -> dict[str, Any]:
        """Return the log probability of each token given those before it; the first has none."""
        texts = [self._tokenizer.decode([token]) for token in tokens]
        # A row of logits is for the next token, so the rows are shifted by one.
        rows = logits[-(len(tokens) - 1) :] if len(tokens) > 1 else logits[:0]
        own = [float(row[token]) for row, token in zip(rows, tokens[1:], strict=True)]
        best = [{self._tokenizer.decode([int(row.argmax())]): float(row.max())} for row in rows]
        return {"tokens": texts, "token_logprobs": [None, *own], "top_logprobs": [None, *best]}
