"""The one formula that turns tokens into US dollars."""

from __future__ import annotations

import pytest

from evalharness.domain import ModelSpec, Prices, Usage

PRICES = Prices(input=3.0, output=15.0, cached_input=0.3)
USAGE = Usage(prompt_tokens=2_000_000, completion_tokens=100_000, cached_tokens=1_500_000)


def test_cached_tokens_cost_their_own_price():
    """Half a million read at 3, one and a half million cached at 0.3, 100,000 written at 15."""
    assert PRICES.usd_for_usage(USAGE) == pytest.approx(1.5 + 0.45 + 1.5)


def test_without_a_price_of_their_own_cached_tokens_cost_what_others_do():
    """A provider that names no price for them takes the full one."""
    assert Prices(input=3.0, output=15.0).usd_for_usage(USAGE) == pytest.approx(6.0 + 1.5)


def test_a_batch_costs_its_share():
    """OpenAI's batch endpoint takes half."""
    usage = Usage(prompt_tokens=1_000_000, completion_tokens=0, batch=True)

    assert PRICES.usd_for_usage(usage) == pytest.approx(1.5)
    assert Prices(input=3.0, batch=0.25).usd_for_usage(usage) == pytest.approx(0.75)


def test_tokens_that_were_not_counted_cost_nothing():
    """What is not known is not invented."""
    assert PRICES.usd_for_usage(Usage()) == 0.0


def test_a_model_counts_by_the_same_formula():
    """Plans, budgets, the manifest and the page show one figure."""
    spec = ModelSpec(name="m", backend="scripted", prices=PRICES)

    assert spec.usd_for_usage(USAGE) == PRICES.usd_for_usage(USAGE)
    assert spec.usd_for_tokens(1e6, 1e5) == pytest.approx(4.5)
