"""Mean grades by category of question: where the models are strong and where they are weak."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.intervals import SCORE, Interval, interval
from evalharness.report.scales import scale_over
from evalharness.report.templates import fill
from evalharness.stats.means import clustered_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import GradedJudgment
    from evalharness.report.facts import Facts

PLACE = 40
TITLE = "Scores by category"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Category:
    """A category with each model's score, in the order of the leaderboard."""

    name: str
    questions: int
    scores: tuple[Interval, ...]


def render(facts: Facts) -> str:
    """Return the plot and the table, or nothing when no model was graded."""
    rows = facts.leaderboard.rows
    scale = scale_over(score for row in rows for score in row.score_by_category.values())
    if scale is None:
        return ""
    bounds = _bounds(facts)
    asked = [question.category for question in facts.records.questions]
    graded = dict.fromkeys(name for row in rows for name in row.score_by_category)
    categories = [
        _Category(
            name=name,
            questions=asked.count(name),
            scores=tuple(
                interval(
                    (row.score_by_category.get(name), *bounds.get((row.model, name), (None, None))),
                    SCORE,
                    scale,
                )
                for row in rows
            ),
        )
        for name in sorted(graded, key=[*asked, *graded].index)
    ]
    return fill("sections/categories", facts=facts, rows=rows, categories=categories, scale=scale)


def _bounds(facts: Facts) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the interval of each model's mean in each category.

    As in the leaderboard, means rest on what was graded for every model, and questions are the
    unit. A category with a single question has no interval.
    """
    category = {question.question_id: question.category for question in facts.records.questions}
    grades: dict[tuple[str, str], list[GradedJudgment]] = defaultdict(list)
    for grade in _in_common(facts.records.graded):
        if grade.question_id in category:
            grades[grade.model, category[grade.question_id]].append(grade)
    means = {
        key: clustered_mean(
            [grade.score for grade in own if grade.score is not None],
            [grade.question_id for grade in own],
            level=facts.leaderboard.level,
        )
        for key, own in grades.items()
    }
    return {key: (mean.low, mean.high) for key, mean in means.items() if mean.clusters > 1}


def _in_common(grades: Sequence[GradedJudgment]) -> list[GradedJudgment]:
    scored = [grade for grade in grades if grade.score is not None]
    models: dict[tuple[str, int, str, str, int], set[str]] = defaultdict(set)
    for grade in scored:
        models[_item(grade)].add(grade.model)
    everyone = {grade.model for grade in scored}
    return [grade for grade in scored if models[_item(grade)] == everyone]


def _item(grade: GradedJudgment) -> tuple[str, int, str, str, int]:
    return grade.question_id, grade.turn, grade.judge, grade.prompt, grade.sample
