"""Look up what a provider charges for a model, in the data of the package `genai-prices`.

The data come with the package, so nothing is fetched. A price belongs to an address: another server
may serve the same model for another price, or for none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evalharness.backends import LITELLM_SCHEME
from evalharness.domain import Prices, PriceTier

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROVIDERS_OF_LITELLM = {
    "bedrock": "aws",
    "vertex_ai": "google",
    "gemini": "google",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "xai": "x-ai",
}
"""Providers that LiteLLM calls by other names than `genai-prices`."""

_OTHER_HOSTS = {"azure", "aws", "cloudflare", "databricks", "github-copilot", "openrouter"}
"""Providers of other makers' models, which end them on days of their own."""


@lru_cache(maxsize=256)
def find_list_prices(url: str, model: str) -> Prices | None:
    """Return the list prices of a model; None where they are not known.

    Args:
        url: the address of the provider.
        model: what the provider calls the model.
    """
    found = _find_model(url, model)
    if found is None:
        return None
    prices = found.model_price
    bounds = sorted({tier.start for value in _list_values(prices) for tier in _list_tiers(value)})
    tiers = tuple(PriceTier(above=bound, **_read_prices(prices, bound + 1)) for bound in bounds)
    return Prices(**_read_prices(prices, 0), tiers=tiers)


def is_sold_by_maker(url: str, model: str) -> bool:
    """Whether an address is that of the model's own maker, and not of another host.

    Args:
        url: the address of the provider.
        model: what the provider calls the model.
    """
    found = _find_model(url, model)
    return found is not None and found.provider.id not in _OTHER_HOSTS


def _find_model(url: str, model: str) -> Any:
    """Return what the package says about a model at an address; None if it knows neither."""
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=1, output_tokens=1)
    provider = url.removeprefix(LITELLM_SCHEME)
    try:
        if provider != url:
            provider = _PROVIDERS_OF_LITELLM.get(provider, provider)
            return calc_price(usage, model_ref=model, provider_id=provider)
        return calc_price(usage, model_ref=model, provider_api_url=url)
    except (LookupError, ValueError):
        return None


def _list_values(prices: Any) -> Iterator[Any]:
    for name in ("input_mtok", "output_mtok", "cache_read_mtok"):
        yield getattr(prices, name, None)


def _list_tiers(value: Any) -> list[Any]:
    return list(getattr(value, "tiers", ()))


def _read_prices(prices: Any, prompt: int) -> dict[str, Any]:
    """Return the prices of a call whose prompt has a number of tokens."""
    read, written, cached = (_read_price(value, prompt) for value in _list_values(prices))
    return {"input": read or 0.0, "output": written or 0.0, "cached_input": cached}


def _read_price(value: Any, prompt: int) -> float | None:
    if value is None:
        return None
    reached = [tier.price for tier in _list_tiers(value) if prompt > tier.start]
    return float(reached[-1] if reached else getattr(value, "base", value))
