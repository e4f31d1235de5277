"""Scores at common severity are recovered, with correct intervals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from evalharness.errors import DisconnectedError
from evalharness.stats import covariance_from_influence, estimate_adjusted_means, fit_rater_model

SEVERITY = np.array([0.5, -0.2, -0.3])
NOISE = np.array([0.4, 1.0, 1.6])
LEVELS = np.array([7.0, 6.5, 6.0, 5.0])
QUESTIONS = 60
QUESTION = np.repeat(np.arange(QUESTIONS), len(LEVELS))
MODEL = np.tile(np.arange(len(LEVELS)), QUESTIONS)


def simulate(rng, *, spares=False):
    """Return grades of three judges; the first may spare the first model."""
    quality = LEVELS[MODEL] + rng.normal(0, 1, QUESTIONS)[QUESTION]
    quality += rng.normal(0, 0.7, len(MODEL))
    scores = quality[:, None] - SEVERITY + rng.normal(0, 1, (len(MODEL), 3)) * NOISE
    if spares:
        scores[MODEL == 0, 0] = np.nan
    return scores


def test_severity_and_noise_are_recovered():
    """The severity and noise of each judge, though the true scores are unknown."""
    raters = fit_rater_model(simulate(np.random.default_rng(1)), QUESTION)

    assert_allclose([each.value for each in raters.severity], SEVERITY, atol=0.2)
    assert_allclose(raters.noise, NOISE, rtol=0.25)
    assert sum(each.value for each in raters.severity) == pytest.approx(0)


def test_intervals_cover_as_often_as_stated():
    """95% of those of severities and of the sparing judge's difference, over 200 panels."""
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(200):
        raters = fit_rater_model(simulate(rng, spares=True), QUESTION)
        means, influence = estimate_adjusted_means(
            raters, MODEL, np.ones(len(MODEL), dtype=bool), 4
        )
        covariance = covariance_from_influence(influence)
        error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
        difference = means[0].value - means[1].value
        covered.append(
            [
                *(
                    each.low < true < each.high
                    for each, true in zip(raters.severity, SEVERITY, strict=True)
                ),
                abs(difference - (LEVELS[0] - LEVELS[1])) < 2.0 * error,
            ]
        )

    assert np.all(np.abs(np.mean(covered, axis=0) - 0.95) < 0.05)


def test_a_severe_judge_of_some_models_does_not_lower_them():
    """The plain mean over judges does, and that is why the model is there."""
    quality = np.tile([6.0, 6.0], 20)
    scores = np.stack([quality - 2, quality + 2], axis=1)
    scores[::2, 1] = np.nan
    question = np.repeat(np.arange(20), 2)
    raters = fit_rater_model(scores, question)

    assert_allclose(raters.score, 6.0)
    assert_allclose([each.value for each in raters.severity], [2, -2])


def test_equal_judges_give_the_plain_mean():
    """With all grades and equal noise, all judges have the same weight."""
    scores = np.array([[6.0, 8.0], [5.0, 4.0], [9.0, 9.0]])
    raters = fit_rater_model(scores, [0, 1, 2])

    assert_allclose(raters.score, scores.mean(axis=1))
    assert raters.noise[0] == raters.noise[1]  # two judges share theirs


def test_the_noisier_judge_counts_less():
    """Weights go by the inverse variance."""
    raters = fit_rater_model(simulate(np.random.default_rng(3)), QUESTION)

    assert np.all(np.diff(raters.share[0]) < 0)


def test_judges_without_common_answers_are_refused():
    """A judge of other answers may be severe, or may have graded worse answers."""
    scores = [[6.0, np.nan], [np.nan, 3.0]]

    with pytest.raises(DisconnectedError, match="no answer in common"):
        fit_rater_model(scores, [0, 1])


def test_one_question_has_no_intervals():
    """One question shows no spread."""
    raters = fit_rater_model([[6.0, 7.0], [5.0, 7.0]], [0, 0])

    assert np.isnan([raters.severity[0].low, raters.severity[0].high]).all()
