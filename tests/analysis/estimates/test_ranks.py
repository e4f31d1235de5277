"""Ranks by score follow the bounds of the differences of few questions."""

from __future__ import annotations

import numpy as np
import pytest

from evalharness.analysis.estimates.ranks import rank_models
from evalharness.analysis.estimates.ratings import BattleEstimates
from evalharness.analysis.estimates.scores import ScoreEstimates
from evalharness.stats import clustered_mean


@pytest.mark.parametrize(("questions", "decided"), [(1, False), (2, False), (3, False), (80, True)])
def test_equal_differences_on_few_questions_decide_no_rank(questions, decided):
    """Grades of 6 against 5 on every question: a spread of zero is no evidence by itself."""
    numbers = np.arange(questions)
    scores = ScoreEstimates(
        means={
            model: clustered_mean(np.full(questions, grade), numbers)
            for model, grade in (("better", 6.0), ("worse", 5.0))
        },
        influence=np.zeros((questions, 2)),
        questions=questions,
    )
    ranks = rank_models(BattleEstimates(), scores, np.random.default_rng(0), 0.95)

    assert [ranks[model].rank for model in ("better", "worse")] == [1, 2]
    assert ("worse" in ranks["better"].above) == decided
