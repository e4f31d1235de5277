"""Human labels on a few questions, a judge's on many: estimates of what humans would say.

Prediction-powered inference (Angelopoulos et al. 2023, Science 382; PPI++ 2024,
arXiv:2311.01453): the judge's figure on all questions, corrected by how far it is from humans
where both are known. The judge's part has a weight `trust` from 0 (humans only) to 1, chosen for
the smallest variance, so a useless judge costs nothing and a biased one does not bias.

Every question has one influence, from its labelled and its unlabelled rows together: questions
may be in both parts, and rows of one question may depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import diags_array

from evalharness.errors import BattlesError
from evalharness.stats.connectivity import require_connected
from evalharness.stats.influence import Influence, best_trust, influence_of
from evalharness.stats.logistic import LogisticFit, fit_logistic
from evalharness.stats.means import Mean, clustered_mean
from evalharness.stats.paired import Design, differences
from evalharness.stats.ratings import MEAN_RATING, Ratings, critical_value

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.comparisons import Comparisons, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPoweredMean:
    """A mean of what humans would say; the interval is NaN with a single labelled question.

    `labelled_error` and `unlabelled_error` are the parts of the standard error that more labels,
    or more judgments, would lower. `humans` is the mean of the labels alone.
    """

    value: float
    standard_error: float
    low: float
    high: float
    labelled_error: float
    unlabelled_error: float
    trust: float
    humans: Mean
    level: float
    labelled: int
    unlabelled: int
    clusters: int

    @property
    def label_factor(self) -> float:
        """How many times as many labels humans alone would need for this certainty."""
        return (self.humans.standard_error / self.standard_error) ** 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictionPoweredRatings:
    """Ratings as humans would give them, with the trust in the judge and both parts' battles.

    Their `inverse_information` is as if the labelled battles were all, and `log_likelihood` minus
    the corrected loss, a mean over battles.
    """

    ratings: Ratings
    trust: float
    labelled: int
    unlabelled: int


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
    clusters, more_clusters = _questions(said, more, question, unlabelled_question)
    _refuse_misfits(said, judged, more, clusters, more_clusters)
    influence = influence_of(said[:, None], judged[:, None], more[:, None], clusters, more_clusters)
    weight = best_trust(influence, np.eye(1)) if trust is None else _in_range(trust)
    number = min(len(np.unique(clusters)), len(np.unique(more_clusters)))
    rest = weight * influence.unlabelled
    error = _norm(influence.total(weight))
    value = float(weight * more.mean() + np.mean(said - weight * judged))
    reach = critical_value(level, number) * error
    return PredictionPoweredMean(
        value=value,
        standard_error=error,
        low=value - reach,
        high=value + reach,
        labelled_error=_norm(influence.total(weight) - rest),
        unlabelled_error=_norm(rest),
        trust=weight,
        humans=clustered_mean(said, clusters, level=level),
        level=level,
        labelled=len(said),
        unlabelled=len(more),
        clusters=number,
    )


def prediction_powered_ratings(
    labelled: Comparisons,
    predictions: npt.ArrayLike,
    unlabelled: Comparisons,
    *,
    trust: float | None = None,
    level: float = 0.95,
) -> PredictionPoweredRatings:
    """Return Bradley-Terry ratings as humans would give them, ties as half.

    Args:
        labelled: battles that humans decided.
        predictions: the judge's `Outcome` of the same battles.
        unlabelled: battles that only the judge decided, over the same models; the same question
            has the same number in both.
        trust: the weight of the judge, 0 to 1; by default that of the smallest total variance.
        level: the intervals' level.

    Raises:
        BattlesError: the parts do not fit each other, or labels are on too few questions.
        DisconnectedError: the labelled battles do not connect the models.
        SeparationError: a rating has no finite value.
    """
    judged = np.asarray(predictions, dtype=np.float64) / 2
    _refuse_unlike(labelled, judged, unlabelled)
    require_connected(labelled)
    weight = _in_range(trust) if trust is not None else None
    if weight is None:
        # Any fit will do to choose the weight by; half trust has one where either part has.
        start = _fit(labelled, judged, unlabelled, 0.5)
        weight = best_trust(_battle_influence(labelled, judged, unlabelled, start), start.inverse)
    fitted = _fit(labelled, judged, unlabelled, weight)
    influence = _battle_influence(labelled, judged, unlabelled, fitted).total(weight)
    clusters = min(len(np.unique(part.cluster)) for part in (labelled, unlabelled))
    ratings = Ratings(
        method="prediction-powered Bradley-Terry",
        models=labelled.models,
        strengths=fitted.coefficients,
        covariance=fitted.inverse @ influence.T @ influence @ fitted.inverse,
        inverse_information=fitted.inverse / labelled.weight.sum(),
        log_likelihood=fitted.log_likelihood,
        battles=labelled.battles + unlabelled.battles,
        level=level,
        clusters=clusters,
        clustered_by=labelled.clustered_by,
        iterations=fitted.iterations,
        penalty=0.0,
        anchor=None,
        anchor_rating=MEAN_RATING,
    )
    return PredictionPoweredRatings(
        ratings=ratings,
        trust=weight,
        labelled=len(labelled.first),
        unlabelled=len(unlabelled.first),
    )


def _questions(
    labels: FloatArray,
    unlabelled: FloatArray,
    question: npt.ArrayLike | None,
    unlabelled_question: npt.ArrayLike | None,
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]:
    if (question is None) != (unlabelled_question is None):
        msg = "give the questions of both the labelled and the unlabelled rows, or of neither"
        raise BattlesError(msg)
    if question is None or unlabelled_question is None:
        rows = np.arange(len(labels) + len(unlabelled))
        return rows[: len(labels)], rows[len(labels) :]
    return np.asarray(question), np.asarray(unlabelled_question)


def _in_range(trust: float) -> float:
    if not 0 <= trust <= 1:
        msg = f"trust in a judge lies between 0 and 1, not {trust}"
        raise BattlesError(msg)
    return trust


def _norm(influence: FloatArray) -> float:
    return float(np.sqrt(np.sum(influence**2)))


def _fit(
    labelled: Comparisons, judged: FloatArray, unlabelled: Comparisons, trust: float
) -> LogisticFit:
    """Minimise the corrected loss: trust L_u(judge) + L_l(humans) - trust L_l(judge)."""
    weight = labelled.weight / labelled.weight.sum()
    more = unlabelled.weight / unlabelled.weight.sum()
    return fit_logistic(
        Design.of(
            np.concatenate([labelled.first, unlabelled.first]),
            np.concatenate([labelled.second, unlabelled.second]),
            len(labelled.models),
        ),
        np.concatenate(
            [weight * (labelled.points - trust * judged), trust * more * unlabelled.points]
        ),
        np.concatenate([(1 - trust) * weight, trust * more]),
    )


def _battle_influence(
    labelled: Comparisons, judged: FloatArray, unlabelled: Comparisons, fitted: LogisticFit
) -> Influence:
    """Return the influence on the score: residuals of humans and of the judge."""
    expected, more = np.split(fitted.probability, [len(labelled.first)])

    def scores(part: Comparisons, residual: FloatArray) -> FloatArray:
        return np.asarray((diags_array(residual) @ differences(part)).toarray())

    return influence_of(
        scores(labelled, labelled.points - expected),
        scores(labelled, judged - expected),
        scores(unlabelled, unlabelled.points - more),
        labelled.cluster,
        unlabelled.cluster,
        (labelled.weight, unlabelled.weight),
    )


def _refuse_misfits(
    labels: FloatArray,
    predictions: FloatArray,
    unlabelled: FloatArray,
    question: npt.NDArray[np.generic],
    unlabelled_question: npt.NDArray[np.generic],
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


def _refuse_unlike(labelled: Comparisons, judged: FloatArray, unlabelled: Comparisons) -> None:
    if labelled.models != unlabelled.models:
        msg = "labelled and unlabelled battles are not over the same models in the same order"
        raise BattlesError(msg)
    if labelled.clustered_by != unlabelled.clustered_by:
        msg = "questions are known of one part only: give them for both, or for neither"
        raise BattlesError(msg)
    if judged.shape != labelled.first.shape or not np.all(np.isin(judged, [0, 0.5, 1])):
        msg = "every labelled battle needs the judge's outcome: 0, 1 or 2"
        raise BattlesError(msg)
    clusters, size = len(np.unique(labelled.cluster)), len(labelled.models)
    if clusters < size:
        msg = (
            f"labels on {clusters} questions are too few for intervals of {size} models: "
            "label at least one question a model"
        )
        raise BattlesError(msg)
