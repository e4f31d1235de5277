"""Settings of pairs and judges are read, and contradictory ones are refused."""

from __future__ import annotations

import pytest

from evalharness.config import load_settings
from evalharness.domain import JudgingSpec, PairDesign, PanelRule
from evalharness.errors import ConfigError

TWO = "models=[vicuna-13b,alpaca-7b]"


def judging(*overrides):
    """Return the judging of two models."""
    return load_settings([TWO, *overrides]).run.judging


def test_by_default_all_pairs_are_compared_and_judges_count_alike():
    """The defaults compare all pairs, and each judge has one vote."""
    assert judging() == JudgingSpec()
    assert judging().pair_design is PairDesign.ALL
    assert judging("judging.baseline=alpaca-7b").pair_design is PairDesign.BASELINE


def test_pairs_budget_panel_and_family_are_read():
    """The four settings, and the two files that choose a design."""
    found = judging(
        "judging.pairs=random",
        "judging.budget_pairs=3",
        "judging.panel=rater",
        "judging.exclude_own_family=true",
    )

    assert (found.pairs, found.budget_pairs) == (PairDesign.RANDOM, 3)
    assert (found.panel, found.exclude_own_family) == (PanelRule.RATER, True)
    assert judging("judging=chain").pairs is PairDesign.CHAIN
    assert judging("judging=random", "judging.budget_pairs=2").budget_pairs == 2


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["judging.pairs=ring"], "judging.pairs=ring: must be one of all, baseline, chain, random"),
        (["judging.panel=mean"], "judging.panel=mean: must be one of aggregate, rater"),
        (["judging.pairs=random"], "judging.pairs=random: judging.budget_pairs must say"),
        (
            ["judging.budget_pairs=4"],
            "judging.budget_pairs=4: needs judging.pairs=chain, random or",
        ),
        (["judging.pairs=random", "judging.budget_pairs=0"], "judging.budget_pairs=0: .* least 1"),
        (["judging.pairs=baseline"], "judging.pairs=baseline: judging.baseline must name"),
        (
            ["judging.pairs=chain", "judging.baseline=alpaca-7b"],
            "judging.pairs=chain: judging.baseline=alpaca-7b asks for pairs with it only",
        ),
        (["judging.exclude_own_family=perhaps"], "exclude_own_family"),
        (
            ["judging.exclude_own_family=true", "judge.model.family=vicuna"],
            "judging.exclude_own_family=true: every judge is of the family of vicuna-13b; add",
        ),
    ],
)
def test_contradictory_settings_are_refused_with_their_key(overrides, words):
    """No call is made, and the message says what would be valid."""
    with pytest.raises(ConfigError, match=words):
        load_settings([TWO, *overrides])


def test_a_second_judge_of_another_family_is_enough():
    """Each model has one judge that is not of its family."""
    spec = load_settings(
        [
            TWO,
            "judge=[gpt-4,gpt-4o]",
            "judging.exclude_own_family=true",
            "judge.model.family=vicuna",
        ]
    ).run

    assert len(spec.judges) == 2
