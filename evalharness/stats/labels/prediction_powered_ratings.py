"""Bradley-Terry ratings as humans would give them, from their votes and a judge's battles.

The loss of prediction-powered inference (see `prediction_powered`): trust L_u(judge) +
L_l(humans) - trust L_l(judge), each a mean over its battles.
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
    """Ratings as humans would give them, with the trust in the judge and both parts' battles.

    Their `inverse_information` is as if the labelled battles were all, and `log_likelihood` minus
    the corrected loss, a mean over battles. Their `clusters`, by which Student's t is taken, is
    the number of labelled questions of the model that has the fewest: votes that are strewn over
    questions tell of a model only where it met another.
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
    """Return Bradley-Terry ratings as humans would give them, ties as half.

    Args:
        labelled: battles that humans decided; several votes on one battle share its weight.
        predictions: the judge's `Outcome` of the same battles.
        unlabelled: battles that the judge decided, over the same models: those without labels, or
            all; the same question has the same number in both.
        trust: the weight of the judge, 0 to 1; by default that of the smallest total variance.
        level: the intervals' level.

    Raises:
        BattlesError: the parts do not fit each other, or labels are on too few questions.
        DisconnectedError: the labelled battles do not connect the models.
        SeparationError: a rating has no finite value.
    """
    judged = np.asarray(predictions, dtype=np.float64) / BattleOutcome.FIRST_WON
    _check_parts(labelled, judged, unlabelled)
    require_connected_models(labelled)
    weight = check_trust(trust) if trust is not None else None
    if weight is None:
        # Any fit will do to choose the weight by; half trust has one where either part has.
        start = _fit_corrected_loss(labelled, judged, unlabelled, 0.5)
        weight = choose_trust(_battle_influence(labelled, judged, unlabelled, start), start.inverse)
    fitted = _fit_corrected_loss(labelled, judged, unlabelled, weight)
    parts = _battle_influence(labelled, judged, unlabelled, fitted)
    influence = parts.total(weight)
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
        saving=LabelSaving.of(parts, weight, fitted.inverse, labelled.clusters),
        labelled=len(labelled.first),
        unlabelled=len(unlabelled.first),
    )


def _questions_by_model(part: Comparisons) -> npt.NDArray[np.int64]:
    """Return on how many questions each model fought."""
    models = np.concatenate([part.first, part.second])
    held = np.unique(np.stack([models, np.tile(part.cluster, 2)]), axis=1)
    return np.bincount(held[0], minlength=len(part.models))


def _fit_corrected_loss(
    labelled: Comparisons, judged: FloatArray, unlabelled: Comparisons, trust: float
) -> LogisticFit:
    """Minimise the corrected loss: trust L_u(judge) + L_l(humans) - trust L_l(judge)."""
    weight = labelled.weight / labelled.weight.sum()
    more = unlabelled.weight / unlabelled.weight.sum()
    return fit_logistic(
        PairDesignMatrix.from_battles(
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
) -> QuestionInfluence:
    """Return the influence on the score: residuals of humans and of the judge."""
    expected, more = np.split(fitted.probability, [len(labelled.first)])
    # Battles that stand alone are numbered from 0 in both parts, and none is in both.
    alone = labelled.clustered_by == "battle"
    beyond = labelled.cluster.max() + 1 if alone else 0

    def scores(part: Comparisons, residual: FloatArray) -> FloatArray:
        return np.asarray((diags_array(residual) @ build_difference_matrix(part)).toarray())

    return estimate_influence(
        scores(labelled, labelled.points - expected),
        scores(labelled, judged - expected),
        scores(unlabelled, unlabelled.points - more),
        labelled.cluster,
        unlabelled.cluster + beyond,
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
