"""Fit Bradley-Terry ratings: the log-odds of a win are the difference of two strengths.

Bradley & Terry 1952 (Biometrika 39). A tie counts as half a win for each side, so the likelihood is
a quasi-likelihood: its ratings are consistent, but its own standard errors are not. Intervals
come from the clustered sandwich.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.battles.comparisons import OUTCOME_POINTS
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING
from evalharness.stats.estimation.likelihood import fit_ratings
from evalharness.stats.estimation.outcome_model import OutcomeModel, OutcomeTerms
from evalharness.stats.estimation.rating_model import RatingModel

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.estimation.fitted_ratings import FittedRatings


def bradley_terry(
    battles: Comparisons | BattleCounts,
    *,
    position: bool = False,
    level: float = 0.95,
    penalty: float = 0.0,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    max_iterations: int = 100,
) -> FittedRatings:
    """Return Bradley-Terry ratings; a tie counts as half a win.

    Args:
        battles: the battles, as arrays or counts.
        position: whether to estimate `delta`, the log-odds that the first of two equal models
            wins, as one of the `parameters`.
        level: the intervals' level.
        penalty: penalty/2 times the squared strengths is subtracted from the log-likelihood, as
            with a normal prior of standard deviation 1/sqrt(penalty). It keeps ratings finite if
            a model won every battle.
        anchor: the model with the rating `anchor_rating`; by default, the mean has this value.
        anchor_rating: the rating of the anchor or the mean.
        max_iterations: the maximum number of Newton steps.

    Raises:
        DisconnectedError: the battles do not connect the models.
        SeparationError: a rating has no finite value, and the penalty is 0.
        ConvergenceError: the fit did not converge.
        ValueError: an argument is out of its range.
    """
    return fit_ratings(
        battles,
        POSITION_MODEL if position else PLAIN_MODEL,
        level=level,
        penalty=penalty,
        anchor=anchor,
        anchor_rating=anchor_rating,
        max_iterations=max_iterations,
    )


def _bradley_terry_terms(difference: FloatArray, parameters: FloatArray) -> OutcomeTerms:
    linear = difference + parameters.sum(axis=-1)
    log_win = -np.logaddexp(0.0, -linear)
    log_loss = log_win - linear
    probability = np.exp(log_win)
    coordinates = (len(difference), 3, 1 + parameters.shape[-1])
    score = np.broadcast_to((OUTCOME_POINTS - probability[:, None])[:, :, None], coordinates)
    information = (probability * np.exp(log_loss))[:, None, None, None]
    return OutcomeTerms(
        log_probability=np.outer(log_win, OUTCOME_POINTS) + np.outer(log_loss, 1 - OUTCOME_POINTS),
        score=score,
        information=np.broadcast_to(information, (*coordinates, coordinates[-1])),
    )


PLAIN_MODEL = OutcomeModel(
    name="Bradley-Terry", parameters=(), start=(), has_position=False, terms=_bradley_terry_terms
)
POSITION_MODEL = OutcomeModel(
    name="Bradley-Terry",
    parameters=("delta",),
    start=(0.0,),
    has_position=True,
    terms=_bradley_terry_terms,
)

RATING_MODEL = RatingModel(
    name="bradley_terry",
    title="Bradley-Terry",
    fit=bradley_terry,
    description=(
        "Each model has a strength, and the chance that it beats another depends only on the "
        "difference of the two; the strengths that make the observed battles most likely are shown "
        "on the scale where 400 points are odds of ten to one. A tie counts as half a win."
    ),
    source="Bradley & Terry 1952, Biometrika 39",
    parameters={"delta": "log-odds that the first of two equal models wins"},
)
