"""The backend `local_transformers`: weights on this machine or from the hub, run by transformers.

    backend: local_transformers
    weights: FOLDER | ORGANIZATION/NAME | embedded
    template: tokenizer    # or Jinja text

Requests are processed in batches: see `local.batch_generation` for text and `local.option_scores` for
the probabilities of options. Text is sampled by `Sampling` only. Other defaults of a checkpoint
(`top_k`, a repetition penalty) are ignored, so that all models are sampled in the same way.
"""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING

from evalharness.backends.definition import BackendDefinition
from evalharness.backends.local import memory_check
from evalharness.backends.local.engine import TransformersEngine
from evalharness.backends.local.memory_check import explain_memory_shortage
from evalharness.backends.local.prompt_tokens import render_prompt_with_tokenizer
from evalharness.backends.local.settings import WeightsSettings, get_weights_settings
from evalharness.backends.local.weights import (
    Weights,
    explain_missing_weights,
    find_setting_problem,
    load_tokenizer,
)
from evalharness.backends.local.weights_fingerprint import compute_weights_fingerprint
from evalharness.backends.shared_resources import SharedResources
from evalharness.domain import ModelAccess
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalharness.domain import Completion, LoadedModel, Message, ModelSpec, Request, WorkResult

_FLASH_LIBRARIES = ("flash_attn", "flash_attn_interface", "kernels")


def explain_missing(spec: ModelSpec) -> str | None:
    """Return what prevents calls: a wrong setting, a library, the weights, or their size."""
    if problem := find_setting_problem(spec):
        return problem
    weights = Weights.of(spec)
    found = (
        explain_missing_weights(weights),
        _find_attention_problem(spec),
        explain_memory_shortage(weights, weights.folder()),
    )
    return "; ".join(filter(None, found)) or None


def _find_attention_problem(spec: ModelSpec) -> str | None:
    """Return what this machine lacks for the configured attention kernel, or None."""
    settings = get_weights_settings(spec)
    if not (settings.attention or "").startswith("flash_attention"):
        return None
    lacks = None
    if settings.device == "cpu" or not memory_check.measure_gpu_bytes():
        lacks = "a GPU, and there is none for it"
    elif not any(map(importlib.util.find_spec, _FLASH_LIBRARIES)):
        lacks = "a library that is not installed: pip install flash-attn"
    place = f"models.{spec.name}.attention={settings.attention}"
    return lacks and f"{place} needs {lacks}; attention=sdpa works everywhere"


def name_memory(spec: ModelSpec) -> str | None:
    """Return a name for the memory of the weights; models that share them have the same name."""
    return str(Weights.of(spec))


def find_benchmark_access(_spec: ModelSpec) -> ModelAccess:
    """Return that benchmarks may use the loaded model itself."""
    return ModelAccess.WEIGHTS


def connect(spec: ModelSpec) -> LocalBackend:
    """Return the model, which starts to load; weights that are loaded already are shared.

    Raises:
        ConfigError: a setting is wrong.
    """
    if problem := find_setting_problem(spec):
        raise ConfigError(problem)
    return LocalBackend(spec)


def render_local_prompt(spec: ModelSpec, messages: Sequence[Message]) -> str:
    """Return the exact prompt text of a conversation; loads only the tokenizer.

    Raises:
        ConfigError: the tokenizer cannot be loaded, or the template does not take these messages.
    """
    if problem := explain_missing(spec):
        raise ConfigError(problem)
    tokenizer = load_tokenizer(Weights.of(spec))
    return render_prompt_with_tokenizer(spec, tokenizer, messages)


_shared_engines: SharedResources[TransformersEngine] = SharedResources()


class LocalBackend:
    """A model that runs on this machine; models with the same weights share an engine."""

    def __init__(self, spec: ModelSpec) -> None:
        """Share the loaded weights, or start to load them."""
        self._spec = spec
        weights = Weights.of(spec)
        self._engine: TransformersEngine | None = _shared_engines.acquire(
            weights, lambda: TransformersEngine(weights)
        )

    async def complete(self, request: Request) -> Completion:
        """Return one completion, which is generated in a batch with others."""
        if self._engine is None:
            msg = f"the backend of {self._spec.name} is closed"
            raise RuntimeError(msg)
        return await asyncio.wrap_future(self._engine.ask(self._spec, request))

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return the result of `work` on the model, which runs when no requests are pending."""
        if self._engine is None:
            msg = f"the backend of {self._spec.name} is closed"
            raise RuntimeError(msg)
        made: WorkResult = await asyncio.wrap_future(self._engine.lend(work))
        return made

    async def close(self) -> None:
        """Free the weights, unless other models use them."""
        engine, self._engine = self._engine, None
        if engine is not None and _shared_engines.release(engine.weights):
            await engine.close()


BACKEND = BackendDefinition(
    connect=connect,
    settings=WeightsSettings,
    explain_missing=explain_missing,
    name_memory=name_memory,
    compute_fingerprint=compute_weights_fingerprint,
    find_benchmark_access=find_benchmark_access,
    render_prompt=render_local_prompt,
)
