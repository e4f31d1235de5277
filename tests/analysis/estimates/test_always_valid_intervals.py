"""Intervals after an adaptive stop hold wherever it came, and are those of a fixed design otherwise."""

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
    critical_value,
)

ADAPTIVE = RunConfig.from_tree({"judging": {"pairs": "adaptive"}, "seed": 0})


def spans(records, battles):
    """Return by model the rating and how far its interval reaches."""
    rows = build_leaderboard(records, battles).rows
    return {row.model: (row.rating, (row.rating_high - row.rating_low) / 2) for row in rows}


def test_after_an_adaptive_stop_intervals_reach_to_the_boundary():
    """By the information in each rating; the ratings are the same."""
    records = a_run(models=4, questions=20)
    battles = collect_battles(records)[:-7]
    fixed = spans(records, battles)
    always = spans(replace(records, config=ADAPTIVE), battles)
    rho = choose_boundary_rho(4, 20, 0.05)

    for model, (rating, reach) in always.items():
        error = fixed[model][1] / critical_value(0.95, 20)
        bound = float(always_valid_boundary((ELO_PER_NAT / error) ** 2, alpha=0.05, rho=rho))
        assert rating == fixed[model][0]
        assert reach == pytest.approx(bound * error)
        assert 1.3 < reach / fixed[model][1] < 1.9


def test_a_design_that_asked_everything_chose_nothing():
    """Its intervals are those of any run; so are those of other designs that stop early."""
    records = a_run(models=3, questions=8)
    battles = collect_battles(records)
    other = RunConfig.from_tree({"judging": {"pairs": "random"}, "seed": 0})

    assert spans(replace(records, config=ADAPTIVE), battles) == spans(records, battles)
    part = battles[:-5]
    assert spans(replace(records, config=other), part) == spans(records, part)


def test_an_anchor_has_no_interval_and_differences_have_theirs():
    """A rating that is fixed reaches nowhere, always-valid or not."""
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
