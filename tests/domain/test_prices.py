"""Token counts are converted to US dollars by one formula."""

from __future__ import annotations

import pytest

from evalharness.domain import ModelSpec, Prices, Usage

PRICES = Prices(input=3.0, output=15.0, cached_input=0.3)
USAGE = Usage(prompt_tokens=2_000_000, completion_tokens=100_000, cached_tokens=1_500_000)


def test_cached_tokens_have_a_separate_price():
    """Half a million read at 3, one and a half million cached at 0.3, 100,000 written at 15."""
    assert PRICES.usd_for_usage(USAGE) == pytest.approx(1.5 + 0.45 + 1.5)


def test_cached_tokens_without_a_separate_price_cost_the_full_price():
    """This applies if a provider has no price for cached tokens."""
    assert Prices(input=3.0, output=15.0).usd_for_usage(USAGE) == pytest.approx(6.0 + 1.5)


def test_a_batch_costs_the_batch_share():
    """OpenAI's batch endpoint costs half."""
    usage = Usage(prompt_tokens=1_000_000, completion_tokens=0, batch=True)

    assert PRICES.usd_for_usage(usage) == pytest.approx(1.5)
    assert Prices(input=3.0, batch=0.25).usd_for_usage(usage) == pytest.approx(0.75)


def test_tokens_that_were_not_counted_cost_nothing():
    """Unknown counts are not estimated."""
    assert PRICES.usd_for_usage(Usage()) == 0.0


def test_a_model_counts_by_the_same_formula():
    """Plans, budgets, the manifest and the page show one figure."""
    spec = ModelSpec(name="m", backend="scripted", prices=PRICES)

    assert spec.usd_for_usage(USAGE) == PRICES.usd_for_usage(USAGE)
    assert spec.usd_for_tokens(1e6, 1e5) == pytest.approx(4.5)
