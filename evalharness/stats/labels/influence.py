"""Each question's influence on an estimate from labels and a judge's predictions together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray

_MIN_JUDGE_VARIANCE = 1e-20
"""Relative to the labels' variance: a judge's below changes nothing, and may be rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuestionInfluence:
    """Each question's part in an estimate: labels - trust * (predictions - unlabelled).

    Rows are questions, columns coordinates, all about their mean.
    """

    labels: FloatArray
    predictions: FloatArray
    unlabelled: FloatArray

    @property
    def judged(self) -> FloatArray:
        """What trust in the judge takes off."""
        return self.predictions - self.unlabelled

    def total(self, trust: float) -> FloatArray:
        """Return each question's influence at a trust."""
        return self.labels - trust * self.judged

    def labelled(self, trust: float) -> FloatArray:
        """Return the part that more labels make smaller: how far the judge is from people."""
        return self.labels - trust * self.predictions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedValues:
    """Values of groups (of models, say), one entry a row.

    `group` is a place from 0 up; rows of equal `question` may depend on each other. A battle has
    two rows, one for either model.
    """

    value: FloatArray
    group: IntArray
    question: IntArray

    def means(self, size: int) -> FloatArray:
        """Return each group's mean; NaN for one without rows."""
        with np.errstate(invalid="ignore"):
            sums = np.bincount(self.group, self.value, minlength=size)
            means: FloatArray = sums / self.counts(size)
        return means

    def counts(self, size: int) -> IntArray:
        """Return how many rows each group has."""
        return np.bincount(self.group, minlength=size)

    def questions(self, size: int) -> IntArray:
        """Return on how many questions each group has rows."""
        held = np.unique(np.stack([self.group, self.question]), axis=1)
        return np.bincount(held[0], minlength=size)


def estimate_influence(
    labels: FloatArray,
    predictions: FloatArray,
    unlabelled: FloatArray,
    question: npt.NDArray[np.generic],
    unlabelled_question: npt.NDArray[np.generic],
    weights: tuple[FloatArray, FloatArray],
) -> QuestionInfluence:
    """Return each question's influence on weighted means; each part with its own G/(G-1)."""
    codes = np.unique(np.concatenate([question, unlabelled_question]))

    def summed(
        rows: FloatArray, weight: FloatArray, cluster: npt.NDArray[np.generic]
    ) -> FloatArray:
        shares = weight / weight.sum()
        number = len(np.unique(cluster))
        correction = math.sqrt(number / (number - 1)) if number > 1 else math.nan
        places = (np.searchsorted(codes, cluster), np.arange(len(cluster)))
        members = csr_array((shares, places), shape=(len(codes), len(cluster)))
        sums: FloatArray = correction * (members @ (rows - shares @ rows))
        return sums

    weight, more = weights
    return QuestionInfluence(
        labels=summed(labels, weight, question),
        predictions=summed(predictions, weight, question),
        unlabelled=summed(unlabelled, more, unlabelled_question),
    )


def estimate_mean_influence(
    labels: GroupedValues, predictions: GroupedValues, unlabelled: GroupedValues, size: int
) -> QuestionInfluence:
    """Return each question's influence on every group's mean; each with its own G/(G-1)."""
    codes = np.unique(np.concatenate([labels.question, unlabelled.question]))

    def summed(rows: GroupedValues) -> FloatArray:
        off = (rows.value - rows.means(size)[rows.group]) / rows.counts(size)[rows.group]
        sums = np.zeros((len(codes), size))
        np.add.at(sums, (np.searchsorted(codes, rows.question), rows.group), off)
        number = rows.questions(size)
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(number > 1, np.sqrt(number / (number - 1)), np.nan)
        return np.where(number == 0, 0.0, correction) * sums

    return QuestionInfluence(
        labels=summed(labels), predictions=summed(predictions), unlabelled=summed(unlabelled)
    )


def choose_trust(influence: QuestionInfluence, inverse: FloatArray) -> float:
    """Return the weight in 0..1 that makes the total variance smallest."""
    labels, judged = influence.labels @ inverse, influence.judged @ inverse
    spread = float(np.sum(judged**2))
    if spread <= _MIN_JUDGE_VARIANCE * float(np.sum(labels**2)):
        return 0.0
    return float(np.clip(np.sum(labels * judged) / spread, 0.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSaving:
    """What the judge saved, and what more labels would do, from summed variances.

    The sum is over models (of ratings: over pairs of models, which comes to the same ratio). `alone`
    is the variance of the labels alone, `together` that of labels and judge, `labelled` the part
    of it that is 1/n in the number of labels; `clusters` is the number of labelled questions.
    """

    alone: float
    together: float
    labelled: float
    clusters: int

    @classmethod
    def of(
        cls, influence: QuestionInfluence, trust: float, inverse: FloatArray, clusters: int
    ) -> LabelSaving:
        """Return the saving of an estimate: `inverse` turns influences into its coordinates."""
        alone, together, labelled = (
            float(np.sum((part @ inverse) ** 2))
            for part in (influence.labels, influence.total(trust), influence.labelled(trust))
        )
        return cls(alone=alone, together=together, labelled=labelled, clusters=clusters)

    @property
    def label_factor(self) -> float:
        """How many times as many labels people alone would need for this certainty; 1 at least.

        The ratio of the variances of labels alone and of labels with judge, times (G-2)/(G-1) with
        G labelled questions: fitting the trust gains about one degree of freedom by chance, as a
        slope does in a regression.
        """
        if not self.together or self.clusters <= 2:  # noqa: PLR2004 - G - 2 degrees of freedom
            return 1.0
        chance = (self.clusters - 2) / (self.clusters - 1)
        return max(1.0, chance * self.alone / self.together)

    def labels_for(self, share: float, labels: int) -> float:
        """Return how many labels would bring the intervals to a share of their width.

        Only the labelled part shrinks, as 1/n; infinity where the rest alone is wider than that.
        """
        rest = max(0.0, self.together - self.labelled)
        room = share**2 * self.together - rest
        return labels * min(self.labelled, self.together) / room if room > 0 else math.inf
