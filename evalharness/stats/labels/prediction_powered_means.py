"""Estimate human means from a few human labels and many judgments (prediction-powered inference).

Prediction-powered inference (Angelopoulos et al. 2023, Science 382; PPI++ 2024, arXiv:2311.01453)
takes the judge's mean on all questions and corrects it by the judge's error on labelled units.
The weight of the judge, `trust`, lies between 0 (humans only) and 1, and is tuned for the smallest
variance. A useless judge does no harm, and a biased judge does not bias the estimate.

Each question has one influence, from its labelled and its unlabelled rows. A question may be in
both parts, and rows of one question may depend on each other. If the judge's unlabelled rows
include the labelled ones, the estimate at full trust is the judge's mean plus its mean error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.intervals.bounded_means import guard_interval
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value
from evalharness.stats.intervals.means import (
    ClusteredMean,
    clustered_mean,
    clustered_share_interval,
)
from evalharness.stats.intervals.question_means import QuestionMeans
from evalharness.stats.labels.influence import (
    GroupedValues,
    LabelSaving,
    choose_trust,
    estimate_mean_influence,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPoweredMean:
    """An estimated human mean; the interval is NaN with a single labelled question.

    `labelled_error` and `unlabelled_error` are the parts of the standard error that more labels and
    more judgments would reduce. `humans` is the mean of the labels alone. `label_factor` is the
    number of labels that humans alone would need, per label given (see `LabelSaving`).
    """

    value: float
    standard_error: float
    low: float
    high: float
    labelled_error: float
    unlabelled_error: float
    trust: float
    humans: ClusteredMean
    level: float
    labelled: int
    unlabelled: int
    clusters: int
    label_factor: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictionPoweredMeans:
    """Estimated human means of several groups, with one trust in the judge for all.

    `covariance` is that of `values`, because groups share questions. `clusters` is the number of
    questions on which each group has labels, or judgments if these are fewer. The interval uses
    Student's t with `clusters` - 1 degrees of freedom. `labelled` and `unlabelled` count each
    group's rows.
    """

    values: FloatArray
    covariance: FloatArray
    unlabelled_error: FloatArray
    labelled_error: FloatArray
    clusters: IntArray
    labelled: IntArray
    unlabelled: IntArray
    trust: float
    saving: LabelSaving
    level: float

    @property
    def standard_errors(self) -> FloatArray:
        """The standard errors of `values`."""
        return np.sqrt(np.diag(self.covariance))

    def estimate(self, group: int, scale: tuple[float, float] | None = None) -> IntervalEstimate:
        """Return a group's mean with its interval.

        Args:
            group: the number of the group.
            scale: the smallest and the largest possible value. With it, the interval holds from two
                questions on and stays in the scale.
        """
        value, error = float(self.values[group]), float(self.standard_errors[group])
        clusters = int(self.clusters[group])
        reach = critical_value(self.level, clusters) * error
        low, high = value - reach, value + reach
        if scale is not None and clusters > 1:
            questions = QuestionMeans.from_moments(value, error, clusters, scale)
            low, high = guard_interval(questions, low, high, error, level=self.level)
        return IntervalEstimate(value=value, standard_error=error, low=low, high=high)

    def share(self, group: int) -> IntervalEstimate:
        """Return a group's mean of values in 0..1 with Wilson's interval, which stays in 0..1.

        The interval is that of `clustered_proportion`. A corrected mean outside 0..1 is clipped.
        """
        value, error = float(np.clip(self.values[group], 0.0, 1.0)), self.standard_errors[group]
        low, high = clustered_share_interval(
            value, float(error), int(self.clusters[group]), self.level
        )
        return IntervalEstimate(value=value, standard_error=float(error), low=low, high=high)


def prediction_powered_mean(
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    *,
    question: npt.ArrayLike | None = None,
    unlabelled_question: npt.ArrayLike | None = None,
    trust: float | None = None,
    level: float = 0.95,
) -> PredictionPoweredMean:
    """Return the estimated human mean from human labels and a judge's predictions.

    Args:
        labels: the human labels.
        predictions: the judge's predictions of the labelled units.
        unlabelled: the judge's predictions of units without labels.
        question: the question of each label; by default, all rows are independent.
        unlabelled_question: the question of each unlabelled prediction; a question has the same
            number in both parts.
        trust: the weight of the judge, from 0 to 1; by default tuned for the smallest variance.
        level: the interval's level.

    Raises:
        BattlesError: the arrays do not match, or the trust is outside 0..1.
    """
    labelled, judged, other = (
        np.asarray(each, dtype=np.float64) for each in (labels, predictions, unlabelled)
    )
    clusters, other_clusters = _number_questions(labelled, other, question, unlabelled_question)
    _check_rows(labelled, judged, other, clusters, other_clusters)
    means = prediction_powered_means(
        GroupedValues(
            value=labelled, group=np.zeros(len(labelled), dtype=np.int64), question=clusters
        ),
        judged,
        GroupedValues(
            value=other, group=np.zeros(len(other), dtype=np.int64), question=other_clusters
        ),
        1,
        trust=trust,
        level=level,
    )
    mean = means.estimate(0)
    return PredictionPoweredMean(
        value=mean.value,
        standard_error=mean.standard_error,
        low=mean.low,
        high=mean.high,
        labelled_error=float(means.labelled_error[0]),
        unlabelled_error=float(means.unlabelled_error[0]),
        trust=means.trust,
        humans=clustered_mean(labelled, clusters, level=level),
        level=level,
        labelled=len(labelled),
        unlabelled=len(other),
        clusters=int(means.clusters[0]),
        label_factor=means.saving.label_factor,
    )


def prediction_powered_means(
    labels: GroupedValues,
    predictions: npt.ArrayLike,
    unlabelled: GroupedValues,
    size: int,
    *,
    trust: float | None = None,
    level: float = 0.95,
) -> PredictionPoweredMeans:
    """Return the estimated human means of groups from human labels and a judge's predictions.

    Args:
        labels: the human labels.
        predictions: the judge's predictions of the same rows.
        unlabelled: the judge's predictions of other rows, or of all rows.
        size: the number of groups.
        trust: the weight of the judge in all means, from 0 to 1; by default tuned for the smallest
            sum of their variances.
        level: the intervals' level.

    Raises:
        BattlesError: a group has no labels or no judgments, or the trust is outside 0..1.
    """
    judged = replace(labels, value=np.asarray(predictions, dtype=np.float64))
    counts, more = labels.counts(size), unlabelled.counts(size)
    if not (np.all(counts) and np.all(more)):
        msg = "every group needs labelled and unlabelled rows"
        raise BattlesError(msg)
    influence = estimate_mean_influence(labels, judged, unlabelled, size)
    weight = choose_trust(influence, np.eye(size)) if trust is None else check_trust(trust)
    total = influence.total_influence(weight)
    clusters = np.minimum(labels.questions(size), unlabelled.questions(size))
    everywhere = unlabelled.means(size)
    return PredictionPoweredMeans(
        values=weight * everywhere + labels.means(size) - weight * judged.means(size),
        covariance=total.T @ total,
        labelled_error=_column_norms(influence.label_influence(weight)),
        unlabelled_error=_column_norms(weight * influence.unlabelled),
        clusters=clusters,
        labelled=counts,
        unlabelled=more,
        trust=weight,
        saving=LabelSaving.from_influence(
            influence, weight, np.eye(size), len(np.unique(labels.question))
        ),
        level=level,
    )


def check_trust(trust: float) -> float:
    """Return the trust if it is valid.

    Raises:
        BattlesError: the trust is outside 0..1.
    """
    if not 0 <= trust <= 1:
        msg = f"trust in a judge lies between 0 and 1, not {trust}"
        raise BattlesError(msg)
    return trust


def _number_questions(
    labels: FloatArray,
    unlabelled: FloatArray,
    question: npt.ArrayLike | None,
    unlabelled_question: npt.ArrayLike | None,
) -> tuple[IntArray, IntArray]:
    """Return the number of each row's question; without questions, each row has its own number."""
    if (question is None) != (unlabelled_question is None):
        msg = "give the questions of both the labelled and the unlabelled rows, or of neither"
        raise BattlesError(msg)
    if question is None or unlabelled_question is None:
        rows = np.arange(len(labels) + len(unlabelled))
        return rows[: len(labels)], rows[len(labels) :]
    given, more = np.asarray(question), np.asarray(unlabelled_question)
    codes = np.unique(np.concatenate([given, more]), return_inverse=True)[1]
    return codes[: len(given)], codes[len(given) :]


def _column_norms(influence: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.sum(influence**2, axis=0)))


def _check_rows(
    labels: FloatArray,
    predictions: FloatArray,
    unlabelled: FloatArray,
    question: IntArray,
    unlabelled_question: IntArray,
) -> None:
    if not (labels.size and unlabelled.size):
        msg = "prediction-powered estimates need labelled and unlabelled rows"
        raise BattlesError(msg)
    if not (labels.shape == predictions.shape == question.shape) or (
        unlabelled.shape != unlabelled_question.shape
    ):
        msg = "every label needs a prediction, and every row a question"
        raise BattlesError(msg)
    if not all(np.all(np.isfinite(each)) for each in (labels, predictions, unlabelled)):
        msg = "labels and predictions are finite numbers: leave out what is missing"
        raise BattlesError(msg)
