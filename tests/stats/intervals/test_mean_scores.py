"""Mean scores over common questions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalharness.stats import (
    GradeArrays,
    average_scores,
    estimate_score_covariance,
    find_common_items,
    paired_score_difference,
)


def grades(*entries, models=("a", "b")):
    """Return grades from entries `(model, item, question, score)`."""
    model, item, question, score = zip(*entries, strict=True)
    return GradeArrays(
        models=models,
        model=np.array([models.index(name) for name in model]),
        item=np.array(item),
        question=np.array(question),
        score=np.array(score, dtype=float),
    )


HARD_ONE_MISSING = (
    ("a", 1, 1, 9.0),
    ("a", 2, 2, 7.0),
    ("a", 3, 3, 1.0),
    ("b", 1, 1, 8.0),
    ("b", 2, 2, 6.0),
)


def test_a_missing_hard_question_does_not_make_a_model_better():
    """Only a was graded where it got 1; over the common ones a is ahead."""
    everything = grades(*HARD_ONE_MISSING)
    raw = average_scores(everything)
    common = average_scores(everything.select(find_common_items(everything)))

    assert raw[0].value < raw[1].value
    assert [mean.value for mean in common] == [8.0, 7.0]
    assert [mean.count for mean in common] == [2, 2]


def test_a_model_without_grades_has_no_mean():
    """None, and not zero."""
    assert average_scores(grades(("a", 1, 1, 9.0)))[1] is None


def test_a_difference_is_paired_by_item():
    """Question effects that both models share drop out: differences 1 and 1 have no spread."""
    difference = paired_score_difference(grades(*HARD_ONE_MISSING), "a", "b")

    assert (difference.value, difference.standard_error, difference.count) == (1.0, 0.0, 2)


def test_the_covariance_gives_the_paired_error():
    """The variance of a difference from the covariance is that of the paired differences."""
    rng = np.random.default_rng(4)
    question = np.repeat(np.arange(12), 2)
    both = grades(
        *[
            (name, item, question[item], rng.normal(5 + question[item] / 3))
            for name in ("a", "b")
            for item in range(24)
        ]
    )
    covariance = estimate_score_covariance(both)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]

    assert math.sqrt(variance) == pytest.approx(
        paired_score_difference(both, "a", "b").standard_error
    )
    assert math.sqrt(covariance[0, 0]) == pytest.approx(average_scores(both)[0].standard_error)


def test_differences_agree_with_the_case(case, close):
    """Paired differences of the case; its error is without the factor G/(G-1)."""
    expected = case("clustered_mean")
    entries = [
        (name, item, question, score)
        for name, column in (("a", "A"), ("b", "B"))
        for item, (question, score) in enumerate(zip(expected["q"], expected[column], strict=True))
    ]
    difference = paired_score_difference(grades(*entries), "a", "b")

    without = math.sqrt((difference.clusters - 1) / difference.clusters)
    close(
        [difference.value, difference.standard_error * without],
        expected["diff_mean_se_clustered"],
    )


def test_one_question_leaves_the_covariance_open():
    """NaN rather than a certainty."""
    assert np.isnan(estimate_score_covariance(grades(("a", 1, 1, 9.0), ("b", 1, 1, 7.0)))).all()


def test_models_without_a_common_item_have_no_difference():
    """There are no pairs."""
    with pytest.raises(ValueError, match="no item was graded for both a and b"):
        paired_score_difference(grades(("a", 1, 1, 9.0), ("b", 2, 2, 7.0)), "a", "b")
