"""The settings of models whose weights are on this machine or on the Hugging Face hub."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from evalharness.domain import NOT_IN_IDENTITY

if TYPE_CHECKING:
    from evalharness.domain import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsSettings:
    """Which weights a model has, and how they are held in memory.

    Attributes:
        weights: a folder, a hub id, or `embedded`.
        adapter: a folder or a hub id of a LoRA adapter for these weights.
        revision: of the hub's repository.
        gguf_file: a file inside `weights`.
        dtype: of the weights in memory.
        device: the device that holds the weights.
        attention: the attention kernel: `sdpa`, `eager`, `flash_attention_2`, ...
        trust_remote_code: whether code that comes with the weights may run.
    """

    weights: str | None = None
    adapter: str | None = None
    revision: str | None = None
    gguf_file: str | None = None
    dtype: str | None = None
    device: str | None = None
    attention: str | None = field(default=None, metadata=NOT_IN_IDENTITY)
    trust_remote_code: bool = False


def get_weights_settings(spec: ModelSpec) -> WeightsSettings:
    """Return the settings of a model that has weights; the defaults where it has none."""
    return WeightsSettings() if spec.settings is None else cast("WeightsSettings", spec.settings)
