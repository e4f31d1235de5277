"""Estimate human Bradley-Terry ratings from human votes and a judge's battles.

The loss is that of prediction-powered inference (see `prediction_powered_means`): trust L_u(judge)
+ L_l(humans) - trust L_l(judge), where each L is a mean over its battles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import diags_array

from evalharness.errors import BattlesError
from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.battles.connectivity import require_connected_models
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING, FittedRatings
from evalharness.stats.estimation.logistic_regression import LogisticFit, fit_logistic
from evalharness.stats.estimation.pair_matrices import PairDesignMatrix, build_difference_matrix
from evalharness.stats.labels.influence import (
    LabelSaving,
    QuestionInfluence,
    choose_trust,
    estimate_influence,
)
from evalharness.stats.labels.prediction_powered_means import check_trust

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictionPoweredRatings:
    """Estimated human ratings, with the trust in the judge and the number of battles of both parts.

    In `ratings`, `inverse_information` is that of the labelled battles alone, and `log_likelihood`
    is the negative corrected loss, a mean over battles. `clusters`, which determines the
    degrees of freedom of Student's t, is the smallest number of labelled questions of any model,
    because a model's rating depends only on questions on which it has votes.
    """

    ratings: FittedRatings
    trust: float
    saving: LabelSaving
    labelled: int
    unlabelled: int


def prediction_powered_ratings(
    labelled: Comparisons,
    predictions: npt.ArrayLike,
    unlabelled: Comparisons,
    *,
    trust: float | None = None,
    level: float = 0.95,
) -> PredictionPoweredRatings:
    """Return the estimated human Bradley-Terry ratings, ties as half.

    Args:
        labelled: battles decided by humans; several votes on one battle share its weight.
        predictions: the judge's `BattleOutcome` of the same battles.
        unlabelled: battles decided by the judge, over the same models: those without labels, or
            all; a question has the same number in both parts.
        trust: the weight of the judge, from 0 to 1; by default tuned for the smallest total
            variance.
        level: the intervals' level.

    Raises:
        BattlesError: the parts do not match, or there are labels on too few questions.
        DisconnectedError: the labelled battles do not connect the models.
        SeparationError: a rating has no finite value.
    """
    judged = np.asarray(predictions, dtype=np.float64) / BattleOutcome.FIRST_WON
    _check_parts(labelled, judged, unlabelled)
    require_connected_models(labelled)
    weight = check_trust(trust) if trust is not None else None
    if weight is None:
        # Any consistent fit can tune the trust; at 1/2 it exists if either part has a fit.
        start = _fit_corrected_loss(labelled, judged, unlabelled, 0.5)
        weight = choose_trust(_battle_influence(labelled, judged, unlabelled, start), start.inverse)
    fitted = _fit_corrected_loss(labelled, judged, unlabelled, weight)
    parts = _battle_influence(labelled, judged, unlabelled, fitted)
    influence = parts.total_influence(weight)
    clusters = int(min(_questions_by_model(part).min() for part in (labelled, unlabelled)))
    ratings = FittedRatings(
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
        saving=LabelSaving.from_influence(parts, weight, fitted.inverse, labelled.clusters),
        labelled=len(labelled.first),
        unlabelled=len(unlabelled.first),
    )


def _questions_by_model(part: Comparisons) -> npt.NDArray[np.int64]:
    """Return the number of questions on which each model has battles."""
    models = np.concatenate([part.first, part.second])
    distinct = np.unique(np.stack([models, np.tile(part.cluster, 2)]), axis=1)
    return np.bincount(distinct[0], minlength=len(part.models))


def _fit_corrected_loss(
    labelled: Comparisons, judged: FloatArray, unlabelled: Comparisons, trust: float
) -> LogisticFit:
    """Minimize the corrected loss: trust L_u(judge) + L_l(humans) - trust L_l(judge)."""
    weight = labelled.weight / labelled.weight.sum()
    unlabelled_weight = unlabelled.weight / unlabelled.weight.sum()
    return fit_logistic(
        PairDesignMatrix.from_battles(
            np.concatenate([labelled.first, unlabelled.first]),
            np.concatenate([labelled.second, unlabelled.second]),
            len(labelled.models),
        ),
        np.concatenate(
            [
                weight * (labelled.points - trust * judged),
                trust * unlabelled_weight * unlabelled.points,
            ]
        ),
        np.concatenate([(1 - trust) * weight, trust * unlabelled_weight]),
    )


def _battle_influence(
    labelled: Comparisons, judged: FloatArray, unlabelled: Comparisons, fitted: LogisticFit
) -> QuestionInfluence:
    """Return the influence on the score, from the residuals of humans and of the judge."""
    expected, unlabelled_expected = np.split(fitted.probability, [len(labelled.first)])
    # If each battle is a cluster, both parts are numbered from 0, and no battle is in both.
    is_by_battle = labelled.clustered_by == "battle"
    offset = labelled.cluster.max() + 1 if is_by_battle else 0

    def scores(part: Comparisons, residual: FloatArray) -> FloatArray:
        return np.asarray((diags_array(residual) @ build_difference_matrix(part)).toarray())

    return estimate_influence(
        scores(labelled, labelled.points - expected),
        scores(labelled, judged - expected),
        scores(unlabelled, unlabelled.points - unlabelled_expected),
        labelled.cluster,
        unlabelled.cluster + offset,
        (labelled.weight, unlabelled.weight),
    )


def _check_parts(labelled: Comparisons, judged: FloatArray, unlabelled: Comparisons) -> None:
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
