"""Estimate the mean scores of a run over the grades that all graded models have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.label_numbers import number_labels
from evalharness.stats import (
    SCORE_DIFFERENCE_RANGE,
    GradeArrays,
    average_scores,
    bound_differences,
    compare_means,
    covariance_from_influence,
    estimate_score_influence,
    find_common_items,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import GradedJudgment, Question, RunRecords
    from evalharness.stats import ClusteredMean, DifferenceTest, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreEstimates:
    """Mean scores by model, by turn and by category, all over the same grades.

    Attributes:
        means: the mean scores by model.
        influence: the influence of each question (row) on each mean (column), in the order of
            `means`.
        questions: the number of questions that they rest on.
        by_turn: the mean scores by model and turn.
        by_category: the mean scores by model and category.
        notes: sentences on excluded grades and missing intervals.
    """

    means: Mapping[str, ClusteredMean] = field(default_factory=dict)
    influence: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    questions: int = 0
    by_turn: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    by_category: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def covariance(self) -> FloatArray:
        """The covariance of `means`, in the same order."""
        return covariance_from_influence(self.influence)

    def bound_differences(self, level: float) -> FloatArray:
        """Return the lower bounds of all differences of `means`, row minus column."""
        values = np.array([mean.value for mean in self.means.values()])
        return bound_differences(values, self.influence, SCORE_DIFFERENCE_RANGE, level=level)

    def compare(self, model: str, other: str, *, level: float) -> DifferenceTest:
        """Return the difference of two models' means, with its test.

        Args:
            model: the first model.
            other: the model with the mean that is subtracted.
            level: the interval's level.
        """
        models = list(self.means)
        values = np.array([mean.value for mean in self.means.values()])
        pair = (models.index(model), models.index(other))
        return compare_means(values, self.influence, pair, SCORE_DIFFERENCE_RANGE, level=level)


def estimate_scores(records: RunRecords, *, level: float = 0.95) -> ScoreEstimates:
    """Return the mean scores of a run, with a note on excluded grades."""
    scored = [grade for grade in records.graded if grade.score is not None]
    if not scored:
        return ScoreEstimates()
    grades = _grade_arrays(scored)
    is_common = find_common_items(grades)
    if not is_common.any():
        return ScoreEstimates(
            notes=("No question was graded for every model, so no score is given.",)
        )
    common_grades = [grade for grade, is_kept in zip(scored, is_common, strict=True) if is_kept]
    grades = grades.select(is_common)
    means = average_scores(grades, level=level)
    questions = len(np.unique(grades.question))
    return ScoreEstimates(
        means={
            model: mean
            for model, mean in zip(grades.models, means, strict=True)
            if mean is not None
        },
        influence=estimate_score_influence(grades),
        questions=questions,
        by_turn=_means_by_turn(common_grades),
        by_category=_means_by_category(common_grades, records.questions),
        notes=_list_score_notes(len(scored) - len(common_grades), len(scored), questions),
    )


def _grade_arrays(grades: Sequence[GradedJudgment]) -> GradeArrays:
    """Return grades as arrays."""
    models = tuple(sorted({grade.model for grade in grades}))
    items = [
        (grade.question_id, grade.turn, grade.judge, grade.prompt, grade.sample) for grade in grades
    ]
    return GradeArrays(
        models=models,
        model=number_labels([grade.model for grade in grades], models),
        item=number_labels(items),
        question=number_labels([grade.question_id for grade in grades]),
        score=np.array([grade.score for grade in grades], dtype=np.float64),
    )


def _means_by_turn(grades: Sequence[GradedJudgment]) -> dict[str, dict[int, float]]:
    """Return means by model and turn."""
    scores: dict[str, dict[int, list[float]]] = {}
    for grade in sorted(grades, key=lambda each: each.turn):
        if grade.score is not None:
            scores.setdefault(grade.model, {}).setdefault(grade.turn, []).append(grade.score)
    return {
        model: {
            turn: float(np.mean(scores_of_turn)) for turn, scores_of_turn in scores_by_turn.items()
        }
        for model, scores_by_turn in scores.items()
    }


def _means_by_category(
    grades: Sequence[GradedJudgment], questions: Sequence[Question]
) -> dict[str, dict[str, float]]:
    """Return means by model and category, in the order of the questions."""
    categories = {question.question_id: question.category for question in questions}
    order = list(dict.fromkeys(categories.values()))
    scores: dict[str, dict[str, list[float]]] = {}
    for grade in grades:
        category = categories.get(grade.question_id)
        if category is not None and grade.score is not None:
            scores.setdefault(grade.model, {}).setdefault(category, []).append(grade.score)
    return {
        model: {
            name: float(np.mean(scores_by_category[name]))
            for name in order
            if name in scores_by_category
        }
        for model, scores_by_category in scores.items()
    }


def _list_score_notes(dropped: int, total: int, questions: int) -> tuple[str, ...]:
    """Return sentences on excluded grades and on missing intervals."""
    notes = []
    if dropped:
        notes.append(
            f"Scores rest on what was graded for every model: {dropped} of {total} grades were "
            "left out because another model has none there."
        )
    if questions == 1:
        notes.append("All scores are of one question, so nothing shows how they vary: no interval.")
    return tuple(notes)
