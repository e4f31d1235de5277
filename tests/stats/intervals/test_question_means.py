"""Means of questions on a bounded scale, from values, influences or moments."""

import numpy as np
import pytest

from evalharness.stats import QuestionMeans


def test_values_beyond_the_scale_widen_it():
    """Adjusted scores may be a little above 10."""
    assert QuestionMeans.from_values(np.array([10.4, 9.0]), np.ones(2), (1.0, 10.0)).scale == (
        1.0,
        10.4,
    )


def test_moments_stand_in_for_questions():
    """Only a mean and its error are known: half of the questions are above, half below."""
    known = QuestionMeans.from_moments(0.2, 0.1, 5, (-1.0, 1.0))

    assert known.mean == pytest.approx(0.2)
    assert known.number == pytest.approx(5)
    assert known.value == pytest.approx([0.0, 0.4])
    assert QuestionMeans.from_moments(0.99, 0.1, 80, (0.0, 1.0)).scale == (0.0, 1.0)


def test_influences_give_the_means_of_questions():
    """The influence of a question of n is its distance from the mean over n."""
    values = np.array([2.0, 4.0, 9.0])
    found = QuestionMeans.from_influence(5.0, (values - 5.0) / 3, (1.0, 10.0))

    assert found.value == pytest.approx(values)
    assert found.mean == pytest.approx(5.0)


def test_the_added_question_is_the_worst_of_the_scale_until_the_spread_is_seen():
    """One lost question moves 80 steady scores by far more than their error, 80 wide ones by less."""
    steady, wide = (
        QuestionMeans.from_values(np.tile(values, 40), np.ones(80), (1.0, 10.0))
        for values in ([7.0, 7.2], [4.0, 9.0])
    )

    assert steady.added_values(0.011) == (1.0, 10.0)
    assert wide.added_values(0.28) == (4.0, 9.0)
    assert wide.added_values(0.575 * 5.5 / 80)[0] == pytest.approx(2.5)


def test_values_that_stand_for_a_spread_are_not_two_observed_values():
    """Only the questions' own values, or the ends of the scale, can be counted as yes and no."""
    spread = QuestionMeans.from_moments(5.5, 0.1, 100, (1.0, 10.0))
    observed = QuestionMeans.from_values(np.array([4.0, 9.0]), np.ones(2), (1.0, 10.0))
    shares = QuestionMeans.from_values(np.array([0.0, 1.0]), np.ones(2), (0.0, 1.0))

    assert spread.two_values is None
    assert observed.two_values == (4.0, 9.0)
    assert shares.two_values == (0.0, 1.0)
