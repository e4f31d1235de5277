"""Corrected intervals cover the figures of people as often as stated."""

from __future__ import annotations

import numpy as np
import pytest
from corrected_coverage import covered, true_figures


@pytest.mark.parametrize(("design", "number"), [("whole", 20), ("strewn", 40)])
def test_corrected_intervals_cover_from_few_labels_and_a_biased_judge(design, number):
    """A small part of the full table: 80 simulations of ten pairs, or five models, each.

    The judge favors a model, so its own intervals, on all questions, miss.
    """
    rng = np.random.default_rng(2)
    truth = true_figures(0.7, rng, questions=100_000)
    found = np.array([covered(truth, 0.7, design, number, rng) for _ in range(80)])
    corrected, labels, judge, factor = found.mean(axis=0).T

    assert corrected == pytest.approx(0.95, abs=0.035)
    assert labels == pytest.approx(0.95, abs=0.04)
    assert (judge < 0.85).all()
    assert (factor > 1.3).all()
