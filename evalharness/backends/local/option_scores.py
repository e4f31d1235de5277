"""Compute the probabilities of given texts as the start of a reply, without generating text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from evalharness.backends.local.causal_model import CausalModel, map_cache, repeat_cache_row
from evalharness.backends.local.kv_cache import make_kv_cache
from evalharness.backends.local.prompt_tokens import count_shared_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor


class OptionScorer:
    """Scores options of one prompt after another, reusing the prefix shared with the last prompt.

    One prompt uses the cores of a processor as well as several do, so batches of padded prompts would
    gain nothing.

    Attributes:
        last_prompt: the tokens of the last prompt.
    """

    def __init__(self, model: CausalModel) -> None:
        """Start with an empty cache."""
        self._model = model
        self.clear()

    def clear(self) -> None:
        """Free the cache of the last prompt."""
        self.last_prompt: list[int] = []
        self._cache = make_kv_cache()

    def count_cached(self, prompt: Sequence[int]) -> int:
        """Return the number of tokens of a prompt that are in the cache.

        The last token is always processed, as its logits are needed.
        """
        return min(count_shared_tokens(self.last_prompt, prompt), len(prompt) - 1)

    def probabilities(
        self, prompt: Sequence[int], options: Sequence[Sequence[int]]
    ) -> tuple[tuple[float, ...], int]:
        """Return the probability of each option after the prompt, and the number of cached tokens.

        The probability of an option is the product over its tokens, each conditional on the prompt
        and the earlier tokens of the option.
        """
        log_first, known = self._after(prompt)
        log_rest = self._after_starts({tuple(option[:-1]) for option in options if len(option) > 1})
        found = []
        for option in options:
            log_probability = float(log_first[option[0]]) if option else 0.0
            for place, token in enumerate(option[1:]):
                log_probability += float(log_rest[tuple(option[:-1])][place, token])
            found.append(math.exp(log_probability))
        return tuple(found), known

    def _after(self, prompt: Sequence[int]) -> tuple[Tensor, int]:
        """Return the log probabilities of the next token, and the number of cached tokens."""
        known = self.count_cached(prompt)
        map_cache(self._cache, lambda kept: kept[:, :, :known])
        self.last_prompt = list(prompt)
        ids = torch.tensor([self.last_prompt[known:]])
        mask = torch.ones(1, len(prompt), dtype=torch.long)
        logits = self._model.forward(ids, mask, self._cache)[0, -1]
        return logits.log_softmax(dim=-1), known

    def _after_starts(self, starts: set[tuple[int, ...]]) -> dict[tuple[int, ...], Tensor]:
        """Return the log probabilities after each token of the texts after the prompt."""
        found: dict[tuple[int, ...], Tensor] = {}
        for group in self._fitting(sorted(starts)):
            width = max(map(len, group))
            # Padding on the right, which a causal model never sees.
            ids = torch.tensor([[*start, *[0] * (width - len(start))] for start in group])
            mask = torch.ones(len(group), len(self.last_prompt) + width, dtype=torch.long)
            cache = repeat_cache_row(self._cache, len(group))
            logits = self._model.forward(ids, mask, cache, keep=width)
            found |= dict(zip(group, logits.log_softmax(dim=-1), strict=True))
        return found

    def _fitting(self, starts: list[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
        """Yield the texts in groups that fit in memory."""
        longest = len(self.last_prompt) + max(map(len, starts), default=0)
        size = max(1, self._model.cache_tokens // longest)
        for begin in range(0, len(starts), size):
            yield starts[begin : begin + size]
