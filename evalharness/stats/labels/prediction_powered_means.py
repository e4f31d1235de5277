"""Human labels on a few questions, a judge's on many: estimates of what humans would say.

Prediction-powered inference (Angelopoulos et al. 2023, Science 382; PPI++ 2024,
arXiv:2311.01453): the judge's figure on all questions, corrected by how far it is from humans
where both are known. The judge's part has a weight `trust` from 0 (humans only) to 1, chosen for
the smallest variance, so a useless judge costs nothing and a biased one does not bias.

Every question has one influence, from its labelled and its unlabelled rows together: questions
may be in both parts, and rows of one question may depend on each other. Where the judge's rows are
all of its rows, the labelled ones too, full trust is the judge's figure plus its mean error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.intervals.estimates import IntervalEstimate, critical_value
from evalharness.stats.intervals.means import (
    ClusteredMean,
    clustered_mean,
    clustered_share_interval,
)
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
    """A mean of what humans would say; the interval is NaN with a single labelled question.

    `labelled_error` and `unlabelled_error` are the parts of the standard error that more labels,
    or more judgments, would lower. `humans` is the mean of the labels alone. `label_factor` is how
    many times as many labels humans alone would need (see `Saving`).
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
    """Several groups' means as humans would give them, with one trust in the judge for all.

    `covariance` is that of `values`; groups share questions. `clusters` is on how many questions
    each group has labels (or judgments, where these are fewer): its interval has Student's t with
    one degree of freedom less. `labelled` and `unlabelled` count each group's rows.
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
        """Standard errors of `values`."""
        return np.sqrt(np.diag(self.covariance))

    def estimate(self, group: int) -> IntervalEstimate:
        """Return a group's mean with its interval."""
        value, error = float(self.values[group]), float(self.standard_errors[group])
        reach = critical_value(self.level, int(self.clusters[group])) * error
        return IntervalEstimate(
            value=value, standard_error=error, low=value - reach, high=value + reach
        )

    def share(self, group: int) -> IntervalEstimate:
        """Return a group's mean of values in 0..1 with an interval that stays there.

        Wilson's, as `stats.means.clustered_proportion` has it. A correction may carry a mean out
        of 0..1; it then stands at the end.
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
    """Return the mean that humans would give, from their labels and a judge's predictions.

    Args:
        labels: what humans said.
        predictions: what the judge said of the same things.
        unlabelled: what the judge said where humans said nothing.
        question: each label's question; without them, all rows are independent.
        unlabelled_question: each unlabelled prediction's question; the same question has the
            same number in both.
        trust: the weight of the judge, 0 to 1; by default that of the smallest variance.
        level: the interval's level.

    Raises:
        BattlesError: arrays do not fit each other, or the trust is outside 0..1.
    """
    said, judged, more = (
        np.asarray(each, dtype=np.float64) for each in (labels, predictions, unlabelled)
    )
    clusters, more_clusters = _number_questions(said, more, question, unlabelled_question)
    _check_rows(said, judged, more, clusters, more_clusters)
    found = prediction_powered_means(
        GroupedValues(value=said, group=np.zeros(len(said), dtype=np.int64), question=clusters),
        judged,
        GroupedValues(
            value=more, group=np.zeros(len(more), dtype=np.int64), question=more_clusters
        ),
        1,
        trust=trust,
        level=level,
    )
    mean = found.estimate(0)
    return PredictionPoweredMean(
        value=mean.value,
        standard_error=mean.standard_error,
        low=mean.low,
        high=mean.high,
        labelled_error=float(found.labelled_error[0]),
        unlabelled_error=float(found.unlabelled_error[0]),
        trust=found.trust,
        humans=clustered_mean(said, clusters, level=level),
        level=level,
        labelled=len(said),
        unlabelled=len(more),
        clusters=int(found.clusters[0]),
        label_factor=found.saving.label_factor,
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
    """Return the groups' means that humans would give, from their labels and a judge's predictions.

    Args:
        labels: what humans said.
        predictions: what the judge said of the same rows.
        unlabelled: what the judge said elsewhere, or everywhere.
        size: the number of groups.
        trust: the weight of the judge, 0 to 1, in all means; by default that of the smallest sum of
            their variances.
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
    total = influence.total(weight)
    clusters = np.minimum(labels.questions(size), unlabelled.questions(size))
    everywhere = unlabelled.means(size)
    return PredictionPoweredMeans(
        values=weight * everywhere + labels.means(size) - weight * judged.means(size),
        covariance=total.T @ total,
        labelled_error=_column_norms(influence.labelled(weight)),
        unlabelled_error=_column_norms(weight * influence.unlabelled),
        clusters=clusters,
        labelled=counts,
        unlabelled=more,
        trust=weight,
        saving=LabelSaving.of(influence, weight, np.eye(size), len(np.unique(labels.question))),
        level=level,
    )


def check_trust(trust: float) -> float:
    """Return a trust that was given.

    Raises:
        BattlesError: it is outside 0..1.
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
    """Return questions as numbers; every row is its own where there are none."""
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
