"""Intervals of few questions cover the true value, at a small price where many questions show it."""

from __future__ import annotations

import pytest
from interval_coverage import DIFFERENCES, RATINGS, SCORES, Outcomes, measure, two_valued


@pytest.mark.parametrize("questions", [2, 5, 20, 80])
@pytest.mark.parametrize(("metric", "scale"), [("scores", (1, 10)), ("rates", (0, 1))])
def test_intervals_of_binary_outcomes_cover(metric, scale, questions):
    """All outcomes are enumerated, so the coverage is exact."""
    found = [
        measure(metric, two_valued(*scale, chance), questions)
        for chance in (0.01, 0.05, 0.1, 0.186, 0.3, 0.4, 0.5, 0.8, 0.99)
    ]

    assert all(each.exact for each in found)
    assert min(each.covered for each in found) >= 0.94
    assert min(each.smallest_width for each in found) > 0


def test_a_t_interval_misses_rare_outcomes_and_the_guard_does_not():
    """Without a rare value in 20 questions, the t interval has no width."""
    rare = measure("scores", two_valued(1, 10, 0.01), 20)

    assert rare.former_covered == pytest.approx(1 - 0.99**20, abs=1e-4)
    assert rare.covered > 0.98


@pytest.mark.parametrize("questions", [2, 20, 80])
@pytest.mark.parametrize(
    ("metric", "value"), [("scores", 6), ("scores", 10), ("rates", 1), ("win_rates", 0.5)]
)
def test_constant_outcomes_have_a_width(metric, value, questions):
    """Equal outcomes do not prove that all outcomes are equal."""
    found = measure(metric, Outcomes("constant", (value,), (1.0,)), questions)

    assert found.covered == 1
    assert found.smallest_width > 0


def test_two_equal_models_on_two_questions_are_never_decided_by_constant_scores():
    """The t interval of 6, 6 less 5, 5 has no width, so it excluded 0."""
    found = measure("differences", DIFFERENCES[-1], 2)

    assert found.smallest_width > 2
    assert found.former_width == 0
    assert measure("differences", DIFFERENCES[0], 2).covered == pytest.approx(1.0)
    assert measure("scores", SCORES[5], 2).covered > 0.99


@pytest.mark.parametrize("chance", [0.25, 0.4, 0.6])
def test_differences_of_one_point_on_few_questions_cover(chance):
    """Student's t covers .926 of them: the tail of few questions is that of other means."""
    found = measure("differences", two_valued(0, 1, chance), 20)

    assert found.exact
    assert found.covered >= 0.94


def test_ratings_of_two_questions_are_open_rather_than_wrong():
    """One model wins both battles in half of the simulations."""
    found = measure("ratings", RATINGS[0], 2, replications=200)

    assert found.covered == 1
    assert found.open == pytest.approx(0.5, abs=0.15)
