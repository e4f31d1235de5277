"""A run's mean scores, over the grades that all graded models have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats import (
    GradeArrays,
    average_scores,
    estimate_score_covariance,
    find_common_items,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from evalharness.domain import GradedJudgment, Question, RunRecords
    from evalharness.stats import ClusteredMean, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreEstimates:
    """Mean scores by model, by turn and by category, all over the same grades.

    `covariance` is that of the means, in their order; `questions` is how many they rest on.
    """

    means: Mapping[str, ClusteredMean] = field(default_factory=dict)
    covariance: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    questions: int = 0
    by_turn: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    by_category: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def estimate_scores(records: RunRecords, *, level: float = 0.95) -> ScoreEstimates:
    """Return a run's mean scores, with a note where grades had to be left out."""
    scored = [grade for grade in records.graded if grade.score is not None]
    if not scored:
        return ScoreEstimates()
    grades = _grade_arrays(scored)
    common = find_common_items(grades)
    if not common.any():
        return ScoreEstimates(
            notes=("No question was graded for every model, so no score is given.",)
        )
    kept = [grade for grade, is_common in zip(scored, common, strict=True) if is_common]
    grades = grades.among(common)
    means = average_scores(grades, level=level)
    questions = len(np.unique(grades.question))
    return ScoreEstimates(
        means={
            model: mean
            for model, mean in zip(grades.models, means, strict=True)
            if mean is not None
        },
        covariance=estimate_score_covariance(grades),
        questions=questions,
        by_turn=_means_by_turn(kept),
        by_category=_means_by_category(kept, records.questions),
        notes=_list_score_notes(len(scored) - len(kept), len(scored), questions),
    )


def _grade_arrays(scored: Sequence[GradedJudgment]) -> GradeArrays:
    models = tuple(sorted({grade.model for grade in scored}))
    items = [
        (grade.question_id, grade.turn, grade.judge, grade.prompt, grade.sample) for grade in scored
    ]
    return GradeArrays(
        models=models,
        model=_number_labels([grade.model for grade in scored], models),
        item=_number_labels(items),
        question=_number_labels([grade.question_id for grade in scored]),
        score=np.array([grade.score for grade in scored], dtype=np.float64),
    )


def _number_labels(labels: Sequence[Hashable], known: Sequence[Hashable] = ()) -> IntArray:
    places: dict[Hashable, int] = {label: number for number, label in enumerate(known)}
    return np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.int64)


def _means_by_turn(kept: Sequence[GradedJudgment]) -> dict[str, dict[int, float]]:
    scores: dict[str, dict[int, list[float]]] = {}
    for grade in sorted(kept, key=lambda each: each.turn):
        if grade.score is not None:
            scores.setdefault(grade.model, {}).setdefault(grade.turn, []).append(grade.score)
    return {
        model: {turn: float(np.mean(own)) for turn, own in turns.items()}
        for model, turns in scores.items()
    }


def _means_by_category(
    kept: Sequence[GradedJudgment], questions: Sequence[Question]
) -> dict[str, dict[str, float]]:
    """Return means by category in the order of the questions."""
    categories = {question.question_id: question.category for question in questions}
    order = list(dict.fromkeys(categories.values()))
    scores: dict[str, dict[str, list[float]]] = {}
    for grade in kept:
        category = categories.get(grade.question_id)
        if category is not None and grade.score is not None:
            scores.setdefault(grade.model, {}).setdefault(category, []).append(grade.score)
    return {
        model: {name: float(np.mean(own[name])) for name in order if name in own}
        for model, own in scores.items()
    }


def _list_score_notes(dropped: int, total: int, questions: int) -> tuple[str, ...]:
    notes = []
    if dropped:
        notes.append(
            f"Scores rest on what was graded for every model: {dropped} of {total} grades were "
            "left out because another model has none there."
        )
    if questions == 1:
        notes.append("All scores are of one question, so nothing shows how they vary: no interval.")
    return tuple(notes)
