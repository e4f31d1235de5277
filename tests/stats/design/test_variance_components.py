"""Variance components: recovered from simulations, exact on a worked example, additive."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from evalharness.stats import estimate_variance_components


def _drawn(rng, questions, samples, judgments, spread):
    """Return the judgments of one group, and how they are nested."""
    value = spread[0] * rng.standard_normal((questions, 1, 1))
    value = value + spread[1] * rng.standard_normal((questions, samples, 1))
    value = value + spread[2] * rng.standard_normal((questions, samples, judgments))
    question, sample, _ = np.indices(value.shape)
    return value.ravel(), question.ravel(), sample.ravel()


def test_simulated_variances_come_back():
    """Many groups of known spread, of different sizes."""
    rng = np.random.default_rng(0)
    groups = [
        _drawn(rng, 40, samples, judgments, (1.0, 0.7, 0.5))
        for samples, judgments in ((2, 3), (3, 2), (4, 2))
        for _ in range(40)
    ]
    found = estimate_variance_components(groups)

    assert_allclose((found.question, found.sample, found.judgment), (1.0, 0.49, 0.25), rtol=0.06)


def test_judgments_that_are_missing_bias_nothing():
    """Unequal numbers have their own expectations."""
    rng = np.random.default_rng(1)
    groups = []
    for _ in range(150):
        drawn = _drawn(rng, 40, 3, 3, (1.0, 0.7, 0.5))
        kept = rng.random(len(drawn[0])) < 0.6
        groups.append(tuple(each[kept] for each in drawn))
    found = estimate_variance_components(groups)

    assert_allclose((found.question, found.sample, found.judgment), (1.0, 0.49, 0.25), rtol=0.06)


def test_a_balanced_example_by_hand():
    """Two questions, two samples, two judgments: mean squares 18, 4 and 1/2 by any textbook."""
    value = [5, 6, 7, 8, 2, 3, 4, 5]
    question, sample = [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 1, 1]
    found = estimate_variance_components([(value, question, sample)])

    assert_allclose(found.judgment, 0.5)
    assert_allclose(found.sample, (4 - 0.5) / 2)
    assert_allclose(found.question, (18 - 4) / 4)
    assert (found.samples, found.judgments) == (2, 2)
    assert_allclose(found.variance(), 18 / 4)  # the mean square of questions, a question's 4 values
    assert_allclose(found.variance(questions=2), 18 / 8)


def test_what_was_not_repeated_belongs_to_the_level_above():
    """One judgment of one answer: all is the questions'."""
    rng = np.random.default_rng(2)
    value = rng.standard_normal(50)
    once = estimate_variance_components([(value, np.arange(50), np.zeros(50, dtype=int))])

    assert (once.sample, once.judgment) == (None, None)
    assert_allclose(once.question, value.var(ddof=1))


def test_one_question_is_refused():
    """It shows no spread."""
    with pytest.raises(ValueError, match="two questions"):
        estimate_variance_components([([1.0, 2.0], [0, 0], [0, 1])])
