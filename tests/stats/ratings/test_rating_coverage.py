"""Intervals cover the true value as often as stated."""

from __future__ import annotations

import numpy as np
import pytest
from rating_coverage import METHODS, covered, true_strengths


@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_clustered_intervals_cover_when_battles_share_questions(effect):
    """A tenth of the full table: 200 simulations of ten pairs each (four standard errors).

    Intervals row by row hold the truth only while questions suit no model more than another.
    """
    rng = np.random.default_rng(1)
    truth = true_strengths(effect, rng, draws=100_000)
    shares = np.mean([covered(truth, effect, 80, rng) for _ in range(200)], axis=0)
    share = dict(zip(METHODS, shares, strict=True))

    assert share["clustered, G/(G-1), t"] == pytest.approx(0.95, abs=0.025)
    assert share["question bootstrap"] == pytest.approx(0.95, abs=0.025)
    if effect:
        assert share["HC0"] < 0.91
        assert share["Fisher"] < 0.94
    else:
        assert share["HC0"] == pytest.approx(0.95, abs=0.025)
        assert share["Fisher"] > 0.96
