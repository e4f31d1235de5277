"""What was read of conversations that left a batch, for those that go on with their next turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from evalharness.backends import _local_model as local
from evalharness.backends._local_prompts import shared_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import DynamicCache

    Known = tuple[int, DynamicCache]


class Prefixes:
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
        own = local.widened(cache, 1, row)
        local.change(own, lambda kept: kept[:, :, columns.to(kept.device)])
        self._kept[tuple(tokens[: len(columns)])] = prompt, own
        while sum(map(len, self._kept)) > self._most_tokens:
            del self._kept[next(iter(self._kept))]

    def take(self, tokens: Sequence[int]) -> Known | None:
        """Return how many of these tokens were read and what was read of them, and forget it.

        A conversation goes on with its whole prompt; texts that share a template are others.
        """
        shared = {kept: shared_length(kept, tokens) for kept in self._kept}
        best = max(shared, key=shared.__getitem__, default=())
        if not best or shared[best] < self._kept[best][0]:
            return None
        known = min(shared[best], len(tokens) - 1)
        _, cache = self._kept.pop(best)
        local.change(cache, lambda kept: kept[:, :, :known])
        return known, cache


def read_on(
    model: local.LocalModel, rows: Sequence[Sequence[int]], begun: Sequence[Known]
) -> tuple[Tensor, DynamicCache, Tensor]:
    """Return the logits after texts of which the beginnings are known, their cache and its mask."""
    known = [length for length, _ in begun]
    (_, cache), *others = begun
    for _, other in others:
        local.join(cache, other)
    rest = [list(row[length:]) for row, length in zip(rows, known, strict=True)]
    width = max(map(len, rest))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rest])
    masks = (local.padding_mask(known, max(known)), local.padding_mask([*map(len, rest)], width))
    mask = torch.cat(masks, dim=1)
    return model.forward(ids, mask, cache)[:, -1], cache, mask
