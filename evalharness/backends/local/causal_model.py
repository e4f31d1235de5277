"""A causal language model in memory: its forward pass, and operations on its KV cache.

The rows of a cache are conversations, and its columns are tokens. Conversations of unequal length are
padded on the left to share a batch; a mask marks the columns that are text.
"""

from __future__ import annotations

import inspect
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from evalharness.backends.local.kv_cache import iterate_layers, make_kv_cache
from evalharness.errors import ContextLengthError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor
    from transformers import DynamicCache

_CPU_CACHE_BYTES = 2 << 30
_GPU_CACHE_SHARE = 0.5


class CausalModel:
    """A model and its tokenizer.

    Attributes:
        module: the model itself.
        tokenizer: the tokenizer.
        end_ids: the tokens that end a reply.
        cache_tokens: the number of tokens of conversations that fit in memory next to the weights.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Run the model on one token, which shows that it works and how much memory a token takes."""
        self.tokenizer = tokenizer
        self.end_ids = _find_end_token_ids(model, tokenizer)
        self.module = model
        # Some architectures derive positions from the mask.
        accepted = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in accepted
        # Since release 5.24 of transformers, it is `cache`, and the older name warns.
        self._cache_name = "cache" if "cache" in accepted else "past_key_values"
        self._takes_logits_to_keep = "logits_to_keep" in accepted
        self._positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        with torch.inference_mode():
            _, cache = self.read([[next(iter(self.end_ids), 0)]])
        bytes_a_token = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
        self.cache_tokens = _measure_cache_bytes(model.device) // bytes_a_token

    def read(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, DynamicCache]:
        """Return the logits after each text, of shape [rows, vocabulary], and the cache of the texts."""
        cache = make_kv_cache()
        lengths = [len(row) for row in rows]
        width = max(lengths)
        ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows])
        return self.forward(ids, make_padding_mask(lengths, width), cache)[:, -1], cache

    def forward(self, ids: Tensor, mask: Tensor, cache: DynamicCache, keep: int = 1) -> Tensor:
        """Return the logits after the last `keep` tokens, of shape [rows, keep, vocabulary].

        Args:
            ids: the next tokens of each row, of shape [rows, tokens].
            mask: 1 for columns of text, for the cache and for `ids`.
            cache: of the earlier tokens; `ids` are added to it.
            keep: the number of tokens, counted from the end.

        Returns:
            float32 on the CPU.
        """
        device = self.module.device
        options: dict[str, Any] = {self._cache_name: cache}
        if self._takes_positions:
            positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            options["position_ids"] = positions.to(device)
        if self._takes_logits_to_keep:
            options["logits_to_keep"] = keep
        output = self.module(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            use_cache=True,
            **options,
        )
        logits: Tensor = output.logits[:, -keep:].float().cpu()
        return logits

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special tokens."""
        text: str = self.tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def check_length(self, prompt: int, reply: int, context_length: int | None) -> None:
        """Refuse a conversation that does not fit the context.

        Raises:
            ContextLengthError: with the numbers.
        """
        limits = [limit for limit in (context_length, self._positions) if limit is not None]
        if limits and prompt + reply > min(limits):
            msg = (
                f"the prompt has {prompt} tokens and the reply may have {reply}; "
                f"together they exceed the model's context of {min(limits)}"
            )
            raise ContextLengthError(msg)


def make_padding_mask(lengths: Sequence[int], width: int) -> Tensor:
    """Return the mask of texts that are padded on the left, of shape [rows, width]."""
    return torch.tensor([[0] * (width - length) + [1] * length for length in lengths])


def pad_mask_columns(mask: Tensor, width: int) -> Tensor:
    """Return a mask that is padded on the left to a width."""
    return torch.nn.functional.pad(mask, (width - mask.shape[1], 0))


def map_cache(cache: DynamicCache, how: Callable[[Tensor], Tensor]) -> None:
    """Apply a function to all keys and values, of shape [rows, heads, columns, size]."""
    for layer in iterate_layers(cache):
        layer.hold(how(layer.keys), how(layer.values))


def join_caches(cache: DynamicCache, other: DynamicCache) -> None:
    """Append the rows of another cache to a cache; the narrower one is padded on the left."""
    width = max(cache.get_seq_length(), other.get_seq_length())
    for each in (cache, other):
        empty = (0, 0, width - each.get_seq_length(), 0)
        map_cache(each, partial(torch.nn.functional.pad, pad=empty))
    for layer, more in zip(iterate_layers(cache), iterate_layers(other), strict=True):
        layer.hold(
            torch.cat([layer.keys, more.keys]),
            torch.cat([layer.values, more.values]),
        )


def repeat_cache_row(cache: DynamicCache, rows: int, row: int = 0) -> DynamicCache:
    """Return a cache that repeats one row of another one, without a copy of its data."""
    wide = copy(cache)
    wide.layers = [copy(layer) for layer in cache.layers]
    map_cache(wide, lambda kept: kept[row : row + 1].expand(rows, -1, -1, -1))
    return wide


def _find_end_token_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the end tokens of the model and of its tokenizer."""
    of_model = model.generation_config.eos_token_id
    ids = of_model if isinstance(of_model, list) else [of_model]
    return frozenset(end for end in (*ids, tokenizer.eos_token_id) if end is not None)


def _measure_cache_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * _GPU_CACHE_SHARE)
    return _CPU_CACHE_BYTES
