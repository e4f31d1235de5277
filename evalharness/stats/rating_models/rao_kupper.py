"""Fit Rao-Kupper ratings: a tie is a difference within a threshold.

See Rao & Kupper 1967 (JASA 62).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.battles.count_arrays import ensure_counts
from evalharness.stats.estimation.fitted_ratings import MEAN_RATING
from evalharness.stats.estimation.likelihood import fit_ratings
from evalharness.stats.estimation.outcome_model import (
    OutcomeModel,
    OutcomeTerms,
    weigh_ties_and_decisions,
)
from evalharness.stats.estimation.rating_model import RatingModel

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.estimation.fitted_ratings import FittedRatings

_FIRST_MARGIN = np.array([1.0, -1.0, 1.0])
"""The coefficients of difference, eta and delta in the log-odds that the first model wins."""

_SECOND_MARGIN = np.array([-1.0, -1.0, -1.0])
"""The same coefficients in the log-odds that the second model wins."""


def rao_kupper(
    battles: Comparisons | BattleCounts,
    *,
    position: bool = False,
    level: float = 0.95,
    penalty: float = 0.0,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    max_iterations: int = 100,
) -> FittedRatings:
    """Return Rao-Kupper ratings; `parameters` hold `eta` and, with `position`, `delta`.

    P(first) = s(d + delta - eta) and P(second) = s(-d - delta - eta), with s the logistic function.
    exp(eta) is the threshold of the paper.

    Args:
        battles: the battles, as arrays or counts.
        position: whether to estimate `delta`, the log-odds that the first of two equal models wins.
        level: the intervals' level.
        penalty: penalty/2 times the squared strengths is subtracted from the log-likelihood, as
            with a normal prior of standard deviation 1/sqrt(penalty). It keeps ratings finite if
            a model won every battle.
        anchor: the model with the rating `anchor_rating`; by default, the mean has this value.
        anchor_rating: the rating of the anchor or the mean.
        max_iterations: the maximum number of Newton steps.

    Raises:
        SeparationError: no battle is a tie, or all are; or a rating has no finite value, and there
            is no penalty.
        DisconnectedError: the battles do not connect the models.
        ConvergenceError: the fit did not converge.
        ValueError: an argument is out of its range.
    """
    counts = ensure_counts(battles)
    ties, decided = weigh_ties_and_decisions(counts)
    model = OutcomeModel(
        name="Rao-Kupper",
        parameters=("eta", "delta")[: 1 + position],
        # between equals, P(tie) = tanh(eta / 2)
        start=(2 * math.atanh(ties / (ties + decided)), 0.0)[: 1 + position],
        has_position=position,
        terms=_rao_kupper_terms,
    )
    return fit_ratings(
        counts,
        model,
        level=level,
        penalty=penalty,
        anchor=anchor,
        anchor_rating=anchor_rating,
        max_iterations=max_iterations,
    )


def _rao_kupper_terms(difference: FloatArray, parameters: FloatArray) -> OutcomeTerms:
    """Return the terms; the probability of a tie is (e^(2 eta) - 1) P(first) P(second)."""
    first = _logistic_terms(difference, parameters, _FIRST_MARGIN)
    second = _logistic_terms(difference, parameters, _SECOND_MARGIN)
    eta = parameters[..., 0]
    eta = np.where(eta > 0, eta, np.nan)
    coordinates = 1 + parameters.shape[-1]
    score = np.zeros((*eta.shape, coordinates))
    information = np.zeros((*eta.shape, coordinates, coordinates))
    log_ratio = np.log(np.expm1(2 * eta))
    score[..., 1] = 2 / -np.expm1(-2 * eta)
    information[..., 1, 1] = score[..., 1] ** 2 * np.exp(-2 * eta)
    return OutcomeTerms(
        log_probability=np.stack(
            [
                second.log_probability,
                second.log_probability + first.log_probability + log_ratio,
                first.log_probability,
            ],
            axis=1,
        ),
        score=np.stack([second.score, second.score + first.score + score, first.score], axis=1),
        information=np.stack(
            [
                second.information,
                second.information + first.information + information,
                first.information,
            ],
            axis=1,
        ),
    )


def _logistic_terms(
    difference: FloatArray, parameters: FloatArray, margin: FloatArray
) -> OutcomeTerms:
    """Return the terms of a logistic probability, without the axis of outcomes."""
    slope = margin[: 1 + parameters.shape[-1]]
    linear = slope[0] * difference + parameters @ slope[1:]
    log_probability = -np.logaddexp(0.0, -linear)
    miss = np.exp(-np.logaddexp(0.0, linear))
    return OutcomeTerms(
        log_probability=log_probability,
        score=np.outer(miss, slope),
        information=(miss * np.exp(log_probability))[:, None, None] * np.outer(slope, slope),
    )


RATING_MODEL = RatingModel(
    name="rao_kupper",
    title="Rao-Kupper",
    fit=rao_kupper,
    description=(
        "Each model has a strength, and the chances of a win, a loss and a tie depend only on the "
        "difference of two strengths. A battle is a tie where the difference, as the judge sees "
        "it, is below a threshold that is estimated too."
    ),
    source="Rao & Kupper 1967, Journal of the American Statistical Association 62",
    parameters={
        "eta": "logarithm of the threshold of ties",
        "delta": "log-odds that the first of two equal models wins",
    },
    needs_ties=True,
)
