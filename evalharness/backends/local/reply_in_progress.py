"""A reply that a local model generates token by token, with its own sampling."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from concurrent.futures import Future

    from torch import Tensor

    from evalharness.domain import Completion, Sampling


@dataclass(slots=True, kw_only=True, eq=False)
class ReplyInProgress:
    """A reply that is being generated.

    Attributes:
        prompt: the tokens before it.
        sampling: how its tokens are sampled.
        stops: texts that end it.
        end_ids: tokens that end it.
        opened: whether the prompt opened a thought.
        continues: whether the prompt has an earlier reply of the model.
        future: of the completion.
    """

    prompt: list[int]
    sampling: Sampling
    stops: tuple[str, ...]
    end_ids: frozenset[int]
    opened: bool = False
    continues: bool = False
    future: Future[Completion]
    tokens: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    generator: torch.Generator = field(default_factory=torch.Generator)

    def __post_init__(self) -> None:
        if self.sampling.seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(self.sampling.seed)

    @property
    def text(self) -> list[int]:
        """The prompt and the tokens so far."""
        return self.prompt + self.tokens

    @property
    def longest(self) -> int:
        """The maximum length of prompt and reply, in tokens."""
        return len(self.prompt) + self.sampling.assumed_max_tokens

    def draw(self, logits: Tensor) -> int:
        """Sample the next token from logits of shape [vocabulary]."""
        if self.sampling.temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits / self.sampling.temperature, dim=-1)
        if self.sampling.top_p is not None:
            probabilities = apply_top_p(probabilities, self.sampling.top_p)
        return int(torch.multinomial(probabilities, 1, generator=self.generator))


def apply_top_p(probabilities: Tensor, top_p: float) -> Tensor:
    """Return the probabilities with zeros outside the nucleus, whose sum reaches `top_p`.

    Source: Holtzman et al. 2020, "The curious case of neural text degeneration".
    """
    # Tokens below this probability sum to less than the tail, so they need no sorting.
    common = (probabilities >= (1 - top_p) / len(probabilities)).nonzero()[:, 0]
    ranked, order = probabilities[common].sort(descending=True, stable=True)
    before = ranked.cumsum(dim=-1) - ranked
    before[0] = -1.0  # the likeliest token is always kept
    kept = common[order[before < top_p]]
    return torch.zeros_like(probabilities).index_copy(0, kept, probabilities[kept])
