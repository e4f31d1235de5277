"""Prices of providers, looked up where a configuration has none."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings
from evalharness.config.list_prices import find_list_prices
from evalharness.domain import Prices

OPENAI = "https://api.openai.com/v1"
LUNA = ("models=[gpt-6-luna]", "judge=scripted")


def _prices_of(*overrides: str) -> Prices:
    return load_settings([*LUNA, *overrides]).run.models[0].prices


def test_a_model_without_prices_has_those_of_its_provider():
    """A table kept by hand is wrong after a month."""
    prices = _prices_of()

    assert prices.is_known
    assert prices == find_list_prices(OPENAI, "gpt-6-luna")
    assert prices.cached_input < prices.input < prices.output


def test_configured_prices_win():
    """A contract of one's own has other prices than the list."""
    prices = _prices_of("models.gpt-6-luna.prices.input=7", "models.gpt-6-luna.prices.output=9")

    assert prices == Prices(input=7, output=9)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "http://gpu-node:8000/v1", "https://llm.example.org/v1"]
)
def test_another_server_has_no_list_price(url):
    """The same name at another address costs something else, or nothing."""
    assert not _prices_of(f"models.gpt-6-luna.base_url={url}").is_known


def test_a_name_that_the_provider_does_not_have_has_no_price():
    """A guess would be shown as dollars."""
    assert find_list_prices(OPENAI, "gpt-999") is None
    assert not _prices_of("models.gpt-6-luna.api_name=gpt-999").is_known


def test_a_long_prompt_has_the_price_of_its_tier():
    """The tier of the whole call follows from its prompt, as providers bill it."""
    prices = find_list_prices(OPENAI, "gpt-6.1-sol")
    (tier,) = prices.tiers

    assert prices.usd_for_tokens(tier.above, 0) == pytest.approx(tier.above * prices.input / 1e6)
    assert prices.usd_for_tokens(tier.above + 1, 0) == pytest.approx(
        (tier.above + 1) * tier.input / 1e6
    )
    assert tier.input > prices.input


@pytest.mark.parametrize(
    "model",
    [
        *("gpt-6_1-sol", "gpt-6_1-terra", "gpt-6-sol", "gpt-6-luna", "gpt-6-astra"),
        *("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-1"),
        *("gemini-4-argon", "gemini-3_8-flash", "gemini-3_1-pro", "deepseek-flash"),
        *("deepseek-v4-pro", "mistral-medium-3_5", "mistral-small-4", "gpt-4o", "gpt-4_1"),
    ],
)
def test_the_models_of_the_catalogue_have_a_price(model):
    """A plan says what each of them costs."""
    (spec,) = load_settings([f"models=[{model}]", "judge=scripted"]).run.models

    assert 0 < spec.prices.input < spec.prices.output


def test_prices_change_no_key():
    """A later release of the list asks nothing again."""
    priced, unpriced = (
        load_settings([*LUNA, f"models.gpt-6-luna.prices.input={price}"]).run.models[0]
        for price in (0, 5)
    )

    assert priced.prices != unpriced.prices
    assert priced.identity() == unpriced.identity()


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("anthropic/claude-sonnet-5-5", True),
        ("vertex_ai/gemini-4-argon", True),
        ("gpt-6-luna", True),
        ("bedrock/no-such-model", False),
    ],
)
def test_a_model_behind_litellm_has_the_price_of_its_provider(name, is_known):
    """The provider stands before the name, and not in an address."""
    backend = ("models.gpt-6-luna.backend=litellm", f"models.gpt-6-luna.api_name={name}")
    own = "models.gpt-6-luna.api_base=http://127.0.0.1:4000"

    assert _prices_of(*backend).is_known == is_known
    assert not _prices_of(*backend, own).is_known
