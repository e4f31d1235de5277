"""Compute the influence of each question on estimates from labels and a judge's predictions."""

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
"""A judge's variance below this share of the labels' variance is ignored as rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuestionInfluence:
    """The influence of each question on an estimate, labels - trust * (predictions - unlabelled).

    Each array has one row per question and one column per coordinate of the estimate.

    Attributes:
        labels: the influence through the labels.
        predictions: the influence through the judge's predictions of the labelled rows.
        unlabelled: the influence through the judge's predictions of the unlabelled rows.
    """

    labels: FloatArray
    predictions: FloatArray
    unlabelled: FloatArray

    @property
    def judged(self) -> FloatArray:
        """The influence that is multiplied by the trust and subtracted."""
        return self.predictions - self.unlabelled

    def total_influence(self, trust: float) -> FloatArray:
        """Return the influence of each question at a given trust."""
        return self.labels - trust * self.judged

    def label_influence(self, trust: float) -> FloatArray:
        """Return the part that more labels would reduce: that of labels minus predictions."""
        return self.labels - trust * self.predictions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedValues:
    """Values that belong to groups such as models, with one entry for each row.

    A battle has two rows, one for each model.

    Attributes:
        value: the value of each row.
        group: the group of each row, as a number from 0.
        question: the question of each row; rows of one question may depend on each other.
    """

    value: FloatArray
    group: IntArray
    question: IntArray

    def means(self, size: int) -> FloatArray:
        """Return the mean of each group; NaN for a group without rows."""
        with np.errstate(invalid="ignore"):
            sums = np.bincount(self.group, self.value, minlength=size)
            means: FloatArray = sums / self.counts(size)
        return means

    def counts(self, size: int) -> IntArray:
        """Return the number of rows of each group."""
        return np.bincount(self.group, minlength=size)

    def questions(self, size: int) -> IntArray:
        """Return the number of questions on which each group has rows."""
        distinct = np.unique(np.stack([self.group, self.question]), axis=1)
        return np.bincount(distinct[0], minlength=size)


def estimate_influence(
    labels: FloatArray,
    predictions: FloatArray,
    unlabelled: FloatArray,
    question: npt.NDArray[np.generic],
    unlabelled_question: npt.NDArray[np.generic],
    weights: tuple[FloatArray, FloatArray],
) -> QuestionInfluence:
    """Return the influence of each question on weighted means.

    Each part is corrected by its own G/(G-1), with G its number of questions.

    Args:
        labels: one row per labelled unit, one column per coordinate.
        predictions: the judge's rows for the same units.
        unlabelled: the judge's rows for other units.
        question: the question of each labelled row.
        unlabelled_question: the question of each unlabelled row.
        weights: the weights of the labelled and of the unlabelled rows.
    """
    codes = np.unique(np.concatenate([question, unlabelled_question]))

    def sum_by_question(
        rows: FloatArray, weight: FloatArray, cluster: npt.NDArray[np.generic]
    ) -> FloatArray:
        shares = weight / weight.sum()
        number = len(np.unique(cluster))
        correction = math.sqrt(number / (number - 1)) if number > 1 else math.nan
        places = (np.searchsorted(codes, cluster), np.arange(len(cluster)))
        members = csr_array((shares, places), shape=(len(codes), len(cluster)))
        sums: FloatArray = correction * (members @ (rows - shares @ rows))
        return sums

    label_weight, unlabelled_weight = weights
    return QuestionInfluence(
        labels=sum_by_question(labels, label_weight, question),
        predictions=sum_by_question(predictions, label_weight, question),
        unlabelled=sum_by_question(unlabelled, unlabelled_weight, unlabelled_question),
    )


def estimate_mean_influence(
    labels: GroupedValues, predictions: GroupedValues, unlabelled: GroupedValues, size: int
) -> QuestionInfluence:
    """Return the influence of each question on the mean of each group.

    Each part of each group is corrected by its own G/(G-1), with G its number of questions.

    Args:
        labels: the labelled rows.
        predictions: the judge's predictions of the same rows.
        unlabelled: the judge's predictions of other rows.
        size: the number of groups.
    """
    codes = np.unique(np.concatenate([labels.question, unlabelled.question]))

    def sum_by_question(rows: GroupedValues) -> FloatArray:
        deviation = (rows.value - rows.means(size)[rows.group]) / rows.counts(size)[rows.group]
        sums = np.zeros((len(codes), size))
        np.add.at(sums, (np.searchsorted(codes, rows.question), rows.group), deviation)
        number = rows.questions(size)
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(number > 1, np.sqrt(number / (number - 1)), np.nan)
        return np.where(number == 0, 0.0, correction) * sums

    return QuestionInfluence(
        labels=sum_by_question(labels),
        predictions=sum_by_question(predictions),
        unlabelled=sum_by_question(unlabelled),
    )


def choose_trust(influence: QuestionInfluence, inverse: FloatArray) -> float:
    """Return the trust between 0 and 1 with the smallest total variance (power tuning of PPI++).

    Args:
        influence: the influence of each question.
        inverse: the matrix that converts influences to the coordinates of the estimate.
    """
    labels, judged = influence.labels @ inverse, influence.judged @ inverse
    spread = float(np.sum(judged**2))
    if spread <= _MIN_JUDGE_VARIANCE * float(np.sum(labels**2)):
        return 0.0
    return float(np.clip(np.sum(labels * judged) / spread, 0.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSaving:
    """The number of labels that a judge saves, and the effect of more labels.

    Variances are summed over models; for ratings, a sum over pairs of models has the same ratios.

    Attributes:
        alone: the variance of an estimate from labels alone.
        together: the variance of the estimate from labels and judge.
        labelled: the part of `together` that falls as 1/n in the number of labels.
        clusters: the number of labelled questions.
    """

    alone: float
    together: float
    labelled: float
    clusters: int

    @classmethod
    def from_influence(
        cls, influence: QuestionInfluence, trust: float, inverse: FloatArray, clusters: int
    ) -> LabelSaving:
        """Return the saving of an estimate; `inverse` converts influences to its coordinates."""
        alone, together, labelled = (
            float(np.sum((part @ inverse) ** 2))
            for part in (
                influence.labels,
                influence.total_influence(trust),
                influence.label_influence(trust),
            )
        )
        return cls(alone=alone, together=together, labelled=labelled, clusters=clusters)

    @property
    def label_factor(self) -> float:
        """The number of labels that people alone would need, per label given; at least 1.

        This is the variance of labels alone divided by that of labels with judge, times (G-2)/(G-1)
        with G labelled questions. The factor corrects for the tuning of the trust, which takes
        about one degree of freedom, as a slope in a regression does.
        """
        if not self.together or self.clusters <= 2:  # noqa: PLR2004 - G - 2 degrees of freedom
            return 1.0
        correction = (self.clusters - 2) / (self.clusters - 1)
        return max(1.0, correction * self.alone / self.together)

    def labels_for(self, share: float, labels: int) -> float:
        """Return the number of labels that would reduce the intervals to a share of their width.

        Only the labelled part shrinks, as 1/n. The number is infinite if the other part alone is
        too wide.

        Args:
            share: the desired width divided by the present width.
            labels: the present number of labels.
        """
        rest = max(0.0, self.together - self.labelled)
        room = share**2 * self.together - rest
        return labels * min(self.labelled, self.together) / room if room > 0 else math.inf
