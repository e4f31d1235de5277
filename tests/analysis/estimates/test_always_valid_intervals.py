"""Intervals are always-valid after an adaptive stop, and of fixed size otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import a_run

from evalharness.analysis import build_leaderboard
from evalharness.domain import RunConfig
from evalharness.judge import collect_battles
from evalharness.stats import (
    ELO_PER_NAT,
    always_valid_boundary,
    bradley_terry,
    build_comparisons_from_battles,
    choose_boundary_rho,
)

ADAPTIVE = RunConfig.from_tree({"judging": {"pairs": "adaptive"}, "seed": 0})


def ratings_and_half_widths(records, battles):
    """Return the rating of each model with the half-width of its interval."""
    rows = build_leaderboard(records, battles).rows
    return {row.model: (row.rating, (row.rating_high - row.rating_low) / 2) for row in rows}


def test_after_an_adaptive_stop_intervals_reach_to_the_boundary():
    """The half-width follows from the information in each rating; the ratings are unchanged."""
    records = a_run(models=4, questions=20)
    battles = collect_battles(records)[:-7]
    fixed = ratings_and_half_widths(records, battles)
    always = ratings_and_half_widths(replace(records, config=ADAPTIVE), battles)
    rho = choose_boundary_rho(4, 20, 0.05)
    fitted = bradley_terry(build_comparisons_from_battles(battles))

    for model, (rating, reach) in always.items():
        error = fitted.rating(model).standard_error
        bound = float(always_valid_boundary((ELO_PER_NAT / error) ** 2, alpha=0.05, rho=rho))
        assert rating == fixed[model][0]
        assert reach == pytest.approx(bound * error)
        assert 1.1 < reach / fixed[model][1] < 1.9


def test_an_adaptive_design_that_compared_everything_has_fixed_size_intervals():
    """Other designs that stop early have fixed-size intervals too."""
    records = a_run(models=3, questions=8)
    battles = collect_battles(records)
    other = RunConfig.from_tree({"judging": {"pairs": "random"}, "seed": 0})

    assert ratings_and_half_widths(
        replace(records, config=ADAPTIVE), battles
    ) == ratings_and_half_widths(records, battles)
    part = battles[:-5]
    assert ratings_and_half_widths(replace(records, config=other), part) == ratings_and_half_widths(
        records, part
    )


def test_an_anchor_has_no_interval_and_differences_have_theirs():
    """A fixed rating has no interval, always-valid or not."""
    records = a_run(models=3, questions=12)
    fitted = bradley_terry(
        build_comparisons_from_battles(collect_battles(records)), anchor="alpaca-7b"
    )
    always = replace(fitted, mixture=2.0)
    place = fitted.models.index("alpaca-7b")
    difference = always.contrast("vicuna-13b", "alpaca-7b")

    assert always.low[place] == always.high[place] == fitted.ratings[place]
    own = always.rating("vicuna-13b")
    assert np.isclose(difference.high - difference.low, own.high - own.low)
    assert difference.high - difference.value > fitted.contrast("vicuna-13b", "alpaca-7b").high - (
        difference.value
    )
