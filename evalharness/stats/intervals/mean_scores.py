"""Compare mean scores of graded answers over the items that were graded for every model.

An item is the subject of a grade: a turn of a question, judged by one judge. A model without grades
on hard items would look better than it is, so comparisons use common items only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.intervals.means import (
    ClusteredMean,
    clustered_mean,
    covariance_from_influence,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

SCORE_RANGE = (1.0, 10.0)
"""The smallest and the largest possible score."""
SCORE_DIFFERENCE_RANGE = (SCORE_RANGE[0] - SCORE_RANGE[1], SCORE_RANGE[1] - SCORE_RANGE[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradeArrays:
    """Scored grades as arrays with one entry for each grade.

    Attributes:
        models: the names of the models.
        model: the model, as an index into `models`.
        item: the number of the item (a turn of a question, judged by one judge).
        question: the number of the question; grades of one question are a cluster.
        score: the score, from 1 to 10.
    """

    models: tuple[str, ...]
    model: IntArray
    item: IntArray
    question: IntArray
    score: FloatArray

    def select(self, chosen: npt.NDArray[np.bool_]) -> GradeArrays:
        """Return the chosen grades, over the same models.

        Args:
            chosen: a mask of grades.
        """
        return GradeArrays(
            models=self.models,
            model=self.model[chosen],
            item=self.item[chosen],
            question=self.question[chosen],
            score=self.score[chosen],
        )


def find_common_items(grades: GradeArrays) -> npt.NDArray[np.bool_]:
    """Return a mask of the grades on items that were graded for every model.

    Args:
        grades: all grades.
    """
    items, item = np.unique(grades.item, return_inverse=True)
    graded = np.zeros((len(items), len(grades.models)), dtype=np.bool_)
    graded[item, grades.model] = True
    complete: npt.NDArray[np.bool_] = np.all(graded, axis=1)
    return complete[item]


def average_scores(grades: GradeArrays, *, level: float = 0.95) -> tuple[ClusteredMean | None, ...]:
    """Return each model's mean score, clustered by question; None for a model without grades.

    Args:
        grades: the grades to average, such as those that `find_common_items` selects.
        level: the intervals' level.
    """
    found = []
    for place in range(len(grades.models)):
        own = grades.model == place
        found.append(
            clustered_mean(grades.score[own], grades.question[own], level=level, scale=SCORE_RANGE)
            if own.any()
            else None
        )
    return tuple(found)


def estimate_score_influence(grades: GradeArrays) -> FloatArray:
    """Return the influence of each question (row) on each model's mean score (column).

    Influences sum to 0 over the questions; their products sum to the covariance of the means.

    Args:
        grades: the grades to average, at least one per model.
    """
    size = len(grades.models)
    codes, question = np.unique(grades.question, return_inverse=True)
    counts = np.bincount(grades.model, minlength=size)
    means = np.bincount(grades.model, grades.score, minlength=size) / counts
    influence = np.zeros((len(codes), size))
    np.add.at(
        influence,
        (question, grades.model),
        (grades.score - means[grades.model]) / counts[grades.model],
    )
    return influence


def estimate_score_covariance(grades: GradeArrays) -> FloatArray:
    """Return the covariance of the models' mean scores, clustered by question, with G/(G-1).

    Models share questions, so their means are correlated, and differences vary less than two
    separate intervals suggest. The covariance is NaN for a single question.

    Args:
        grades: the grades to average, at least one per model.
    """
    return covariance_from_influence(estimate_score_influence(grades))


def paired_score_difference(
    grades: GradeArrays, model: str, other: str, *, level: float = 0.95
) -> ClusteredMean:
    """Return the mean difference of two models' scores over the items graded for both.

    Args:
        grades: all grades.
        model: the first model.
        other: the model with the score that is subtracted.
        level: the interval's level.

    Raises:
        ValueError: no item was graded for both, or a name is not among the models.
    """
    own, others = (_by_item(grades, grades.models.index(name)) for name in (model, other))
    items = sorted(own.keys() & others.keys())
    if not items:
        msg = f"no item was graded for both {model} and {other}"
        raise ValueError(msg)
    return clustered_mean(
        [own[item][0] - others[item][0] for item in items],
        [own[item][1] for item in items],
        level=level,
        scale=SCORE_DIFFERENCE_RANGE,
    )


def _by_item(grades: GradeArrays, model: int) -> dict[int, tuple[float, int]]:
    """Return a model's mean score and question by item."""
    own = grades.select(grades.model == model)
    items, first, item = np.unique(own.item, return_index=True, return_inverse=True)
    means = np.bincount(item, own.score) / np.bincount(item)
    return {
        int(code): (float(mean), int(question))
        for code, mean, question in zip(items, means, own.question[first], strict=True)
    }
