"""Which battles determine ratings."""

from __future__ import annotations

import pytest
from battle_lists import LOST, TIE, WON, battles

from evalharness.errors import DisconnectedError, SeparationError
from evalharness.stats import find_connected_groups, find_one_sided_groups, require_connected_models
from evalharness.stats.battles.connectivity import require_finite_ratings


def test_a_cycle_of_wins_connects_in_both_directions():
    """Everyone lost to someone, so no rating can run away."""
    cycle = battles(("a", "b", WON), ("b", "c", WON), ("c", "a", WON))

    require_connected_models(cycle)
    require_finite_ratings(cycle)
    assert find_connected_groups(cycle, "strong") == (("a", "b", "c"),)


def test_a_tie_connects_both_ways():
    """A tie bounds both ratings, as half a win for each."""
    require_finite_ratings(battles(("a", "b", TIE)))


def test_groups_that_never_met_are_named():
    """Their ratings would share no scale."""
    apart = battles(("a", "b", TIE), ("c", "d", TIE))

    with pytest.raises(DisconnectedError, match=r"\(a, b; c, d\).*battles between the groups"):
        require_connected_models(apart)


def test_a_model_without_battles_is_disconnected():
    """A listed model without a battle has no rating."""
    with pytest.raises(DisconnectedError, match="c"):
        require_connected_models(battles(("a", "b", TIE), models=["a", "b", "c"]))


def test_models_that_only_won_or_only_lost_are_named():
    """The message names the models, the direction, and a remedy."""
    separated = battles(("a", "b", WON), ("b", "c", TIE), ("c", "d", WON))

    assert find_one_sided_groups(separated) == (
        (("a",), "won every battle"),
        (("d",), "lost every battle"),
    )
    with pytest.raises(SeparationError, match=r"a won every battle; d lost every battle.*penalty"):
        require_finite_ratings(separated)


def test_a_group_that_won_all_its_battles_against_the_rest_is_named_as_a_group():
    """Each of its members lost some battle, but none to the others."""
    separated = battles(("a", "b", TIE), ("c", "d", TIE), ("a", "c", WON), ("d", "b", LOST))

    assert find_one_sided_groups(separated)[0] == (
        ("a", "b"),
        "won every battle against the others",
    )
