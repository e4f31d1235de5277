"""vLLM's asynchronous engine: loaded once for all models that share its weights, asked by tokens."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from evalharness.backends.local.memory_check import count_gpus_needed
from evalharness.backends.local.weights import Weights, load_tokenizer, prepare_weights_folder
from evalharness.errors import BackendError, ConfigError, ContextLengthError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalharness.domain import ModelSpec

_MAX_QUOTED_CHARACTERS = 300
_ENVIRONMENT_DEFAULTS = {
    "VLLM_LOGGING_LEVEL": "ERROR",  # its processes would write over the run's own progress
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a run has threads, and must not be forked
}
"""What vLLM reads of the environment; whoever sets one of these is heeded."""
_COMPLETE_REASONS = ("stop", "length")


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmModel:
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


def load_vllm_model(spec: ModelSpec) -> VllmModel:
    """Return the model in memory: in one GPU, if it fits there, else spread over all.

    Raises:
        ConfigError: it cannot be loaded.
    """
    for name, value in _ENVIRONMENT_DEFAULTS.items():
        os.environ.setdefault(name, value)
    weights = Weights.of(spec)
    folder = prepare_weights_folder(weights)
    tokenizer = load_tokenizer(weights)
    try:
        return _begin(spec, weights, folder, tokenizer)
    except Exception as error:  # whatever foreign code raises on weights that it cannot run
        msg = f"{weights.name} cannot be loaded by vllm: {_shorten_message(error)}"
        raise ConfigError(msg) from error


def _begin(spec: ModelSpec, weights: Weights, folder: Path | None, tokenizer: Any) -> VllmModel:
    from vllm import AsyncEngineArgs, SamplingParams
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    arguments = AsyncEngineArgs(
        model=str(folder or weights.name),
        revision=None if folder else weights.revision,
        dtype=weights.dtype or "auto",
        max_model_len=spec.context_length,
        trust_remote_code=weights.trust_remote_code,
        tensor_parallel_size=count_gpus_needed(weights, folder),
        generation_config="vllm",  # not what the checkpoint proposes
        use_tqdm_on_load=False,
    )
    return VllmModel(
        engine=AsyncLLM.from_engine_args(arguments),
        tokenizer=tokenizer,
        sampling_params=partial(SamplingParams, output_kind=RequestOutputKind.FINAL_ONLY),
        end_ids=read_end_token_ids(folder or weights.folder()),  # what was downloaded is there now
    )


def read_end_token_ids(folder: Path | None) -> frozenset[int]:
    """Return the end tokens that a checkpoint lists beside its tokenizer's own."""
    path = folder / "generation_config.json" if folder else None
    listed = json.loads(path.read_text()).get("eos_token_id") if path and path.is_file() else None
    return frozenset(listed if isinstance(listed, list) else [] if listed is None else [listed])


class VllmEngine:
    """vLLM with one model in it, which is loaded when somebody first wants it."""

    def __init__(
        self, spec: ModelSpec, load: Callable[[ModelSpec], VllmModel] = load_vllm_model
    ) -> None:
        """Load nothing yet."""
        self._spec = spec
        self._load = load
        self._loading: asyncio.Task[None] | None = None
        self._loaded: VllmModel | None = None
        self._numbers = count()

    async def loaded(self) -> VllmModel:
        """Return the model in memory.

        Raises:
            ConfigError: it cannot be loaded.
        """
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._begin))
        await asyncio.shield(self._loading)
        return cast("VllmModel", self._loaded)

    def _begin(self) -> None:
        # Kept here alone: whoever else had it would keep it from its end (see `close`).
        self._loaded = self._load(self._spec)

    async def generate(self, tokens: Sequence[int], **drawn: Any) -> Any:
        """Return what vLLM says of a request in the end.

        Args:
            tokens: the prompt's.
            drawn: how text is drawn, by vLLM's names.

        Raises:
            ContextLengthError: prompt and reply do not fit the model.
            PermanentError: vLLM gave the request up.
        """
        loaded = await self.loaded()
        limit = loaded.engine.model_config.max_model_len
        if len(tokens) + drawn["max_tokens"] > limit:
            msg = (
                f"the prompt has {len(tokens)} tokens and the reply may have "
                f"{drawn['max_tokens']}; together they exceed the model's context of {limit}"
            )
            raise ContextLengthError(msg)
        prompt = {"type": "token", "prompt_token_ids": list(tokens)}
        said = None
        try:
            params = loaded.sampling_params(**drawn)
            async for output in loaded.engine.generate(prompt, params, str(next(self._numbers))):
                said = output
        except (BackendError, asyncio.CancelledError):
            raise
        except Exception as error:  # the edge: vLLM has no tree of errors
            raise PermanentError(_shorten_message(error), reason="vllm") from error
        reason = said.outputs[0].finish_reason if said else "it said nothing"
        if said is None or reason not in _COMPLETE_REASONS:
            msg = f"vllm gave the request up: {reason}"
            raise PermanentError(msg, reason="vllm")
        return said

    async def close(self) -> None:
        """End vLLM's processes, which frees the GPUs, if anything was loaded."""
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        if self._loaded is not None:
            await _shut_down(self._loaded.engine)
        self._loading = self._loaded = None
        gc.collect()  # now, while the interpreter still has what the engine's own end needs


async def _shut_down(engine: Any) -> None:
    if engine.output_handler is not None:
        engine.output_handler.cancel()  # it would take the end for a failure
    await asyncio.to_thread(engine.shutdown)


def _shorten_message(error: Exception) -> str:
    return " ".join(str(error).split())[:_MAX_QUOTED_CHARACTERS] or type(error).__name__
