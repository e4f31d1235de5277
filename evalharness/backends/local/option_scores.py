"""How probable given texts are as the start of a reply, read from the model without writing any."""

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
    """Reads prompts one after another, keeping what a prompt shares with the one before.

    One prompt fills a processor's cores as well as several do, so nothing is gained by padding
    prompts into a batch; the beginning that they share, though, need not be read again.

    Attributes:
        read: the tokens of the last prompt.
    """

    def __init__(self, model: CausalModel) -> None:
        """Begin with nothing read."""
        self._model = model
        self.forget()

    def forget(self) -> None:
        """Free the memory of the last prompt."""
        self.read: list[int] = []
        self._cache = make_kv_cache()

    def known(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of a prompt need not be read.

        Its last is read in any case: what follows it is wanted.
        """
        return min(count_shared_tokens(self.read, prompt), len(prompt) - 1)

    def probabilities(
        self, prompt: Sequence[int], options: Sequence[Sequence[int]]
    ) -> tuple[tuple[float, ...], int]:
        """Return the probability of each option after the prompt, and how many tokens were known.

        An option of several tokens has the product of their probabilities, each after the prompt
        and the option's tokens before it.
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
        """Return the log probabilities of the next token, and how many tokens were known."""
        known = self.known(prompt)
        map_cache(self._cache, lambda kept: kept[:, :, :known])
        self.read = list(prompt)
        ids = torch.tensor([self.read[known:]])
        mask = torch.ones(1, len(prompt), dtype=torch.long)
        logits = self._model.forward(ids, mask, self._cache)[0, -1]
        return logits.log_softmax(dim=-1), known

    def _after_starts(self, starts: set[tuple[int, ...]]) -> dict[tuple[int, ...], Tensor]:
        """Return the log probabilities after each token of texts that follow the prompt."""
        found: dict[tuple[int, ...], Tensor] = {}
        for group in self._fitting(sorted(starts)):
            width = max(map(len, group))
            # Padding on the right: a model that reads forward never sees it.
            ids = torch.tensor([[*start, *[0] * (width - len(start))] for start in group])
            mask = torch.ones(len(group), len(self.read) + width, dtype=torch.long)
            cache = repeat_cache_row(self._cache, len(group))
            logits = self._model.forward(ids, mask, cache, keep=width)
            found |= dict(zip(group, logits.log_softmax(dim=-1), strict=True))
        return found

    def _fitting(self, starts: list[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
        """Yield the texts in groups for which there is memory."""
        longest = len(self.read) + max(map(len, starts), default=0)
        size = max(1, self._model.cache_tokens // longest)
        for begin in range(0, len(starts), size):
            yield starts[begin : begin + size]
