"""Keep the KV cache of conversations that left a batch, for their next turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from evalharness.backends.local.causal_model import (
    CausalModel,
    join_caches,
    make_padding_mask,
    map_cache,
    repeat_cache_row,
)
from evalharness.backends.local.prompt_tokens import count_shared_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import DynamicCache

    KnownPrefix = tuple[int, DynamicCache]


class PrefixCache:
    """A cache of conversations up to a number of tokens; the oldest one is evicted first."""

    def __init__(self, most_tokens: int) -> None:
        """Start empty."""
        self._most_tokens = most_tokens
        self._kept: dict[tuple[int, ...], tuple[int, DynamicCache]] = {}

    def clear(self) -> None:
        """Remove all conversations."""
        self._kept.clear()

    def put(
        self, tokens: Sequence[int], prompt: int, row: int, mask: Tensor, cache: DynamicCache
    ) -> None:
        """Add a row that leaves its batch.

        Args:
            tokens: of the conversation, at least as many as are in the cache of the batch.
            prompt: the length of its prompt, in tokens.
            row: its index in the batch.
            mask: of the batch, 1 for columns of text.
            cache: of the batch.
        """
        columns = mask[row].nonzero()[:, 0]
        if len(columns) > self._most_tokens:
            return
        own = repeat_cache_row(cache, 1, row)
        map_cache(own, lambda kept: kept[:, :, columns.to(kept.device)])
        self._kept[tuple(tokens[: len(columns)])] = prompt, own
        while sum(map(len, self._kept)) > self._most_tokens:
            del self._kept[next(iter(self._kept))]

    def pop(self, tokens: Sequence[int]) -> KnownPrefix | None:
        """Remove and return the cached prefix of a conversation: its length and its KV cache.

        A prefix must contain a whole prompt, as other conversations only share the template.
        """
        shared = {kept: count_shared_tokens(kept, tokens) for kept in self._kept}
        best = max(shared, key=shared.__getitem__, default=())
        if not best or shared[best] < self._kept[best][0]:
            return None
        known = min(shared[best], len(tokens) - 1)
        _, cache = self._kept.pop(best)
        map_cache(cache, lambda kept: kept[:, :, :known])
        return known, cache


def prefill_remaining(
    model: CausalModel, rows: Sequence[Sequence[int]], begun: Sequence[KnownPrefix]
) -> tuple[Tensor, DynamicCache, Tensor]:
    """Return the logits after texts with cached prefixes, their cache, and its mask."""
    known = [length for length, _ in begun]
    (_, cache), *others = begun
    for _, other in others:
        join_caches(cache, other)
    rest = [list(row[length:]) for row, length in zip(rows, known, strict=True)]
    width = max(map(len, rest))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rest])
    masks = (make_padding_mask(known, max(known)), make_padding_mask([*map(len, rest)], width))
    mask = torch.cat(masks, dim=1)
    return model.forward(ids, mask, cache)[:, -1], cache, mask
