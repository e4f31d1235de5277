"""Define what the tokens of a model cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalharness.domain.calls import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTier:
    """Prices that hold for a whole call if its prompt is longer than a number of tokens.

    Attributes:
        above: the number of tokens of the prompt.
        input: the price of tokens that the model reads, in US dollars per million.
        output: the price of tokens that the model generates.
        cached_input: the price of input tokens that the server had cached; None means `input`.
    """

    above: int
    input: float
    output: float
    cached_input: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices in US dollars per million tokens.

    Attributes:
        input: the price of tokens that the model reads.
        output: the price of tokens that the model generates.
        cached_input: the price of input tokens that the server had cached; None means `input`.
        batch: the factor on these prices for calls through the batch endpoint.
        tiers: the prices of calls with longer prompts, from short to long.
    """

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None
    batch: float = 0.5
    tiers: tuple[PriceTier, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether a price is configured."""
        return bool(self.input or self.output)

    def usd_for_usage(self, usage: Usage) -> float:
        """Return the price of a call in US dollars; tokens that were not counted cost nothing.

        Args:
            usage: the tokens of the call.
        """
        return self.usd_for_tokens(
            usage.prompt_tokens or 0,
            usage.completion_tokens or 0,
            usage.cached_tokens or 0,
            batch=usage.batch,
        )

    def usd_for_tokens(
        self, prompt: float, completion: float, cached: float = 0, *, batch: bool = False
    ) -> float:
        """Return the price of the tokens of one call, in US dollars.

        Args:
            prompt: the number of tokens read, including those that the server had cached.
            completion: the number of tokens generated.
            cached: the part of `prompt` that the server had cached.
            batch: whether the call goes through a batch endpoint.
        """
        prices = self._find_tier(prompt)
        cached_price = prices.input if prices.cached_input is None else prices.cached_input
        full = (prompt - cached) * prices.input + cached * cached_price + completion * prices.output
        return full * (self.batch if batch else 1.0) / 1e6

    def _find_tier(self, prompt: float) -> Prices | PriceTier:
        reached: Iterable[PriceTier] = (tier for tier in self.tiers if prompt > tier.above)
        return max(reached, key=lambda tier: tier.above, default=self)
