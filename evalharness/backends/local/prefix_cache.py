"""What was read of conversations that left a batch, for those that go on with their next turn."""

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
    """Conversations that were read, up to so many tokens; the longest away goes first."""

    def __init__(self, most_tokens: int) -> None:
        """Begin with nothing read."""
        self._most_tokens = most_tokens
        self._kept: dict[tuple[int, ...], tuple[int, DynamicCache]] = {}

    def forget(self) -> None:
        """Free all memory."""
        self._kept.clear()

    def keep(
        self, tokens: Sequence[int], prompt: int, row: int, mask: Tensor, cache: DynamicCache
    ) -> None:
        """Keep a row of a batch that is about to leave it.

        Args:
            tokens: the conversation, at least as far as it was read.
            prompt: how many of them are its prompt.
            row: its number in the batch.
            mask: of the batch: 1 where a column is text.
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

    def take(self, tokens: Sequence[int]) -> KnownPrefix | None:
        """Return how many of these tokens were read and what was read of them, and forget it.

        A conversation goes on with its whole prompt; texts that share a template are others.
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
    """Return the logits after texts of which the beginnings are known, their cache and its mask."""
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
