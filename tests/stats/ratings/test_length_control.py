"""Length-controlled win rates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalharness.errors import SeparationError
from evalharness.stats import length_controlled_win_rate


def test_it_agrees_with_an_independent_regression(case, close):
    """The case's plain maximum-likelihood fit, and its influence-function standard error."""
    expected = case("length_controlled")
    rate = length_controlled_win_rate(
        expected["preference_for_2"],
        expected["len_2"],
        expected["len_1"],
        range(200),
        difficulty=expected["instruction_difficulty"],
    )

    close(100 * rate.value, expected["mle_glm"]["lc_winrate"], 1e-5)
    close(rate.length_effect, expected["mle_glm"]["coef"][0])
    close(100 * rate.raw, expected["raw_winrate"])
    without = math.sqrt(199 / 200)
    close(100 * rate.standard_error * without, expected["se_influence_function_mle"], 1e-5)


def longer_wins(questions=400, seed=0):
    """Return points and lengths of equals, before a judge that likes length."""
    rng = np.random.default_rng(seed)
    own, other = rng.integers(200, 2000, questions), rng.integers(100, 1500, questions)
    chance = 1 / (1 + np.exp(-(own - other) / 500))
    return (rng.random(questions) < chance).astype(float), own, other


def test_a_model_that_only_writes_more_loses_its_lead():
    """It wins more than half of its battles, but half at equal length."""
    points, own, other = longer_wins()
    rate = length_controlled_win_rate(points, own, other, range(400))

    assert rate.raw > 0.55
    assert rate.low < 0.5 < rate.high
    assert rate.length_effect < 0


def test_the_unit_of_length_does_not_matter():
    """Characters or kilobytes, the rate is the same."""
    points, own, other = longer_wins()
    characters = length_controlled_win_rate(points, own, other, range(400))
    kilobytes = length_controlled_win_rate(points, own / 1000, other / 1000, range(400))

    assert kilobytes.value == pytest.approx(characters.value)


def test_repeating_every_question_adds_no_certainty():
    """Its interval is clustered by question."""
    points, own, other = longer_wins(100)
    once = length_controlled_win_rate(points, own, other, range(100))
    twice = length_controlled_win_rate(*(np.tile(x, 2) for x in (points, own, other, range(100))))

    # the standard deviation of lengths is that of n - 1, hence not exactly
    assert twice.standard_error == pytest.approx(once.standard_error, rel=0.02)


def test_winning_everything_has_no_finite_fit():
    """The plain win rate is the answer."""
    with pytest.raises(SeparationError, match="won or lost every battle"):
        length_controlled_win_rate([1.0] * 6, [1, 2, 3, 4, 5, 6], [3] * 6, range(6))


@pytest.mark.parametrize(
    ("points", "own", "message"),
    [([], [], "at least one"), ([2.0, 0.0], [1, 2], "0 to 1"), ([1.0, 0.0], [5, 5], "nothing")],
)
def test_invalid_arguments_are_refused(points, own, message):
    """Points outside 0..1, no battles, or equal lengths."""
    with pytest.raises(ValueError, match=message):
        length_controlled_win_rate(points, own, [3] * len(own), range(len(own)))
