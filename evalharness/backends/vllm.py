"""Models whose weights are on this machine, run by vLLM's offline engine on its GPUs.

    backend: vllm
    weights: FOLDER | ORGANIZATION/NAME
    template: tokenizer    # or Jinja text

Prompts are the very tokens that `local_transformers` reads. vLLM does the batching, and keeps what
conversations share; text is drawn as `Sampling` says and in no other way. A server of vLLM is asked
through `openai_compatible` instead, and needs nothing installed here.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from evalharness.backends import _local_memory, _local_prompts, _local_weights
from evalharness.backends._local_weights import Weights
from evalharness.domain import Completion
from evalharness.errors import BackendError, ConfigError, ContextLengthError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalharness.domain import ModelSpec, Request

_LONGEST_QUOTE = 300


def missing(spec: ModelSpec) -> str | None:
    """Return what stands in the way: vLLM, a GPU, a wrong setting, the weights, or their size."""
    if importlib.util.find_spec("vllm") is None:
        return "vllm is not installed: pip install 'evalharness[vllm]', or ask a server of it"
    if not _local_memory.gpu_bytes():
        return "backend vllm needs a GPU; local_transformers does without"
    weights = Weights.of(spec)
    problems = (
        _local_weights.setting_problem(spec),
        _local_weights.missing(weights),
        _local_memory.problem(weights, weights.folder()),
    )
    return next(filter(None, problems), None)


def occupies(spec: ModelSpec) -> str | None:
    """Return a name for the memory that the weights take: the same where they are shared."""
    return f"vllm {Weights.of(spec)}"


def connect(spec: ModelSpec) -> VllmBackend:
    """Return the model, which is loaded by its first request."""
    return VllmBackend(spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What vLLM and transformers give.

    Attributes:
        engine: vLLM's asynchronous engine.
        tokenizer: of the model.
        sampling_params: makes vLLM's own record of how text is drawn.
        end_ids: tokens that the checkpoint says end a reply.
    """

    engine: Any
    tokenizer: Any
    sampling_params: Callable[..., Any]
    end_ids: frozenset[int]


def load(spec: ModelSpec) -> Loaded:
    """Return the model in the GPUs' memory: in one, if it fits there, else spread over all.

    Raises:
        ConfigError: it cannot be loaded.
    """
    from vllm import AsyncEngineArgs, SamplingParams
    from vllm.v1.engine.async_llm import AsyncLLM

    weights = Weights.of(spec)
    folder = weights.folder()
    arguments = AsyncEngineArgs(
        model=str(folder or weights.name),
        revision=None if folder else weights.revision,
        dtype=weights.dtype or "auto",
        max_model_len=spec.context_length,
        trust_remote_code=weights.trust_remote_code,
        tensor_parallel_size=_local_memory.gpus_for(weights, folder),
        generation_config="vllm",  # not what the checkpoint proposes
    )
    tokenizer = _local_weights.load_tokenizer(weights)
    try:
        engine = AsyncLLM.from_engine_args(arguments)
    except Exception as error:  # whatever foreign code raises on weights that it cannot run
        msg = f"{weights.name} cannot be loaded by vllm: {_said(error)}"
        raise ConfigError(msg) from error
    return Loaded(
        engine=engine,
        tokenizer=tokenizer,
        sampling_params=SamplingParams,
        end_ids=end_ids(folder),
    )


def end_ids(folder: Path | None) -> frozenset[int]:
    """Return the end tokens that a checkpoint lists beside its tokenizer's own."""
    path = folder / "generation_config.json" if folder else None
    listed = json.loads(path.read_text()).get("eos_token_id") if path and path.is_file() else None
    return frozenset(listed if isinstance(listed, list) else [] if listed is None else [listed])


class VllmBackend:
    """A model that vLLM runs."""

    def __init__(self, spec: ModelSpec, load: Callable[[ModelSpec], Loaded] = load) -> None:
        """Load nothing yet."""
        self._spec = spec
        self._load = load
        self._loading: asyncio.Task[Loaded] | None = None
        self._numbers = count()

    async def complete(self, request: Request) -> Completion:
        """Return one completion, worked out together with others."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._load, self._spec))
        try:
            loaded = await asyncio.shield(self._loading)
            began = time.perf_counter()
            work = _options if request.options else _text
            return await work(self, loaded, request, began)
        except (BackendError, asyncio.CancelledError):
            raise
        except ConfigError as error:
            raise PermanentError(str(error), reason="config") from error
        except Exception as error:  # the edge: vLLM has no tree of errors
            raise PermanentError(_said(error), reason="vllm") from error

    async def close(self) -> None:
        """Free the GPUs, if anything was loaded."""
        if self._loading is None:
            return
        found = await asyncio.gather(self._loading, return_exceptions=True)
        if isinstance(found[0], Loaded):
            await asyncio.to_thread(found[0].engine.shutdown)

    async def generate(self, loaded: Loaded, tokens: Sequence[int], **drawn: Any) -> Any:
        """Return the last of what vLLM says of a request.

        Raises:
            ContextLengthError: prompt and reply do not fit the model.
        """
        limit = loaded.engine.model_config.max_model_len
        if len(tokens) + drawn["max_tokens"] > limit:
            msg = (
                f"the prompt has {len(tokens)} tokens and the reply may have "
                f"{drawn['max_tokens']}; together they exceed the model's context of {limit}"
            )
            raise ContextLengthError(msg)
        last = None
        name = f"{self._spec.name}-{next(self._numbers)}"
        params = loaded.sampling_params(**drawn)
        prompt = {"prompt_token_ids": list(tokens)}
        async for output in loaded.engine.generate(prompt, params, name):
            last = output
        return last

    @property
    def spec(self) -> ModelSpec:
        """The model as configured."""
        return self._spec


async def _text(backend: VllmBackend, loaded: Loaded, request: Request, began: float) -> Completion:
    spec, sampling = backend.spec, request.sampling
    tokens = _local_prompts.encode_prompt(spec, loaded.tokenizer, request)
    ends = loaded.end_ids | _local_prompts.end_ids(spec, loaded.tokenizer)
    said = await backend.generate(
        loaded,
        tokens,
        temperature=sampling.temperature,
        top_p=1.0 if sampling.top_p is None else sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
        stop=list(spec.stop),
        stop_token_ids=sorted(ends),
    )
    reply = said.outputs[0]
    return Completion(
        text=reply.text.strip(),
        finish_reason=reply.finish_reason,
        prompt_tokens=len(tokens),
        completion_tokens=len(reply.token_ids),
        seconds=time.perf_counter() - began,
    )


async def _options(
    backend: VllmBackend, loaded: Loaded, request: Request, began: float
) -> Completion:
    """Return how probable each option is: vLLM reads each after the prompt, and writes a token."""
    tokens, options = _local_prompts.encode_options(backend.spec, loaded.tokenizer, request)

    async def probability(option: Sequence[int]) -> float:
        drawn = {"temperature": 0.0, "max_tokens": 1, "prompt_logprobs": 0}
        said = await backend.generate(loaded, [*tokens, *option], **drawn)
        read = list(said.prompt_logprobs)[len(tokens) :]
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


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_QUOTE] or type(error).__name__
