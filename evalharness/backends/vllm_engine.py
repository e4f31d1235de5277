"""Load and call vLLM's asynchronous engine, once for all models that share its weights."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from evalharness.backends.local.adapter import read_adapter_rank
from evalharness.backends.local.memory_check import count_gpus_needed
from evalharness.backends.local.weights import Weights, load_tokenizer, prepare_weights_folder
from evalharness.errors import BackendError, ConfigError, ContextLengthError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.domain import ModelSpec

_MAX_QUOTED_CHARACTERS = 300
_ENVIRONMENT_DEFAULTS = {
    "VLLM_LOGGING_LEVEL": "ERROR",  # its processes would write over the progress display of the run
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a run has threads, so it must not be forked
}
"""Environment variables of vLLM; values that are already set are kept."""
_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks that vLLM reserves memory for."""
_COMPLETE_REASONS = ("stop", "length")


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmModel:
    """A model that vLLM has loaded.

    Attributes:
        engine: vLLM's asynchronous engine.
        tokenizer: of the model.
        sampling_params: creates vLLM's sampling parameters.
        end_ids: tokens that end a reply by the checkpoint.
        adapter: vLLM's description of the LoRA adapter that replies are made with; None without one.
    """

    engine: Any
    tokenizer: Any
    sampling_params: Callable[..., Any]
    end_ids: frozenset[int]
    adapter: Any = None


def load_vllm_model(spec: ModelSpec) -> VllmModel:
    """Load the model: on one GPU if it fits there, else spread over all.

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
    except Exception as error:  # third-party code may raise anything for weights that it cannot run
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
        generation_config="vllm",  # not the defaults of the checkpoint
        use_tqdm_on_load=False,
        **_describe_adapter_limits(weights),
    )
    return VllmModel(
        engine=AsyncLLM.from_engine_args(arguments),
        tokenizer=tokenizer,
        sampling_params=partial(SamplingParams, output_kind=RequestOutputKind.FINAL_ONLY),
        end_ids=read_end_token_ids(folder or weights.folder()),  # downloaded by now
        adapter=_describe_adapter(weights),
    )


def _describe_adapter_limits(weights: Weights) -> dict[str, Any]:
    """Return the arguments of vLLM for weights with a LoRA adapter; empty without one."""
    if not weights.adapter:
        return {}
    rank = read_adapter_rank(weights.adapter)
    allowed = next((size for size in _LORA_RANKS if size >= rank), rank)
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": allowed}


def _describe_adapter(weights: Weights) -> Any:
    """Return vLLM's description of a LoRA adapter; None without one."""
    if not weights.adapter:
        return None
    from vllm.lora.request import LoRARequest

    folder = Path(weights.adapter).expanduser()
    return LoRARequest("adapter", 1, str(folder) if folder.is_dir() else weights.adapter)


def read_end_token_ids(folder: Path | None) -> frozenset[int]:
    """Return the end tokens that a checkpoint lists in addition to those of its tokenizer."""
    path = folder / "generation_config.json" if folder else None
    listed = json.loads(path.read_text()).get("eos_token_id") if path and path.is_file() else None
    return frozenset(listed if isinstance(listed, list) else [] if listed is None else [listed])


class VllmEngine:
    """vLLM with one model, which is loaded at the first request."""

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
        # The only reference: another one would keep the engine from being freed (see `close`).
        self._loaded = self._load(self._spec)

    async def generate(self, tokens: Sequence[int], **sampling: Any) -> Any:
        """Return vLLM's final output for a request.

        Args:
            tokens: of the prompt.
            sampling: the sampling parameters, by vLLM's names.

        Raises:
            ContextLengthError: prompt and reply do not fit the context of the model.
            PermanentError: vLLM aborted the request.
        """
        loaded = await self.loaded()
        limit = loaded.engine.model_config.max_model_len
        if len(tokens) + sampling["max_tokens"] > limit:
            msg = (
                f"the prompt has {len(tokens)} tokens and the reply may have "
                f"{sampling['max_tokens']}; together they exceed the model's context of {limit}"
            )
            raise ContextLengthError(msg)
        prompt = {"type": "token", "prompt_token_ids": list(tokens)}
        final = None
        try:
            params = loaded.sampling_params(**sampling)
            number = str(next(self._numbers))
            adapter = {"lora_request": loaded.adapter} if loaded.adapter is not None else {}
            async for output in loaded.engine.generate(prompt, params, number, **adapter):
                final = output
        except (BackendError, asyncio.CancelledError):
            raise
        except Exception as error:  # the edge to vLLM, which has no error hierarchy
            raise PermanentError(_shorten_message(error), reason="vllm") from error
        reason = final.outputs[0].finish_reason if final else "it final nothing"
        if final is None or reason not in _COMPLETE_REASONS:
            msg = f"vllm gave the request up: {reason}"
            raise PermanentError(msg, reason="vllm")
        return final

    async def close(self) -> None:
        """Shut vLLM down, which frees the GPUs, if anything was loaded."""
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        if self._loaded is not None:
            await _shut_down(self._loaded.engine)
        self._loading = self._loaded = None
        gc.collect()  # now, while the interpreter still has what the engine's destructor needs


async def _shut_down(engine: Any) -> None:
    if engine.output_handler is not None:
        engine.output_handler.cancel()  # it would report the shutdown as a failure
    await asyncio.to_thread(engine.shutdown)


def _shorten_message(error: Exception) -> str:
    return " ".join(str(error).split())[:_MAX_QUOTED_CHARACTERS] or type(error).__name__
