"""Fit Davidson ratings: a tie is a third outcome, most likely between equal models.

Davidson 1970 (JASA 65): the probability of a tie is proportional to the geometric mean of both
strengths. Davidson & Beaver 1977 (Biometrics 33): the first position multiplies the strength by a
factor.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.battles.comparisons import BattleOutcome
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

_FEATURES = np.array([[-0.5, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 1.0]])
"""Rows: second won, tie, first won. Columns: difference, log_nu, log_gamma."""


def davidson(
    battles: Comparisons | BattleCounts,
    *,
    position: bool = False,
    level: float = 0.95,
    penalty: float = 0.0,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    max_iterations: int = 100,
) -> FittedRatings:
    """Return Davidson ratings; `parameters` hold `log_nu` and, with `position`, `log_gamma`.

    P(first) = gamma e^(d/2) / Z, P(second) = e^(-d/2) / Z, P(tie) = nu / Z.

    Args:
        battles: the battles, as arrays or counts.
        position: whether to estimate `log_gamma`, the log of the factor on the first strength.
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
        name="Davidson",
        parameters=("log_nu", "log_gamma")[: 1 + position],
        start=(math.log(2 * ties / decided), 0.0)[: 1 + position],
        has_position=position,
        terms=_davidson_terms,
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


def _davidson_terms(difference: FloatArray, parameters: FloatArray) -> OutcomeTerms:
    features = _FEATURES[:, : 1 + parameters.shape[-1]]
    linear = np.outer(difference, features[:, 0]) + parameters @ features[:, 1:].T
    log_probability = linear - np.logaddexp.reduce(linear, axis=1, keepdims=True)
    probability = np.exp(log_probability)
    score = features - (probability @ features)[:, None, :]
    information = np.einsum("po,poc,pod->pcd", probability, score, score)
    return OutcomeTerms(
        log_probability=log_probability,
        score=score,
        information=np.repeat(information[:, None], len(BattleOutcome), axis=1),
    )


RATING_MODEL = RatingModel(
    name="davidson",
    title="Davidson",
    fit=davidson,
    description=(
        "Each model has a strength, and the chances of a win, a loss and a tie depend only on the "
        "difference of two strengths. A tie is an outcome of its own: its chance is proportional "
        "to the geometric mean of the two chances to win, by a factor that is estimated too."
    ),
    source="Davidson 1970, Journal of the American Statistical Association 65",
    parameters={
        "log_nu": "logarithm of the factor of ties",
        "log_gamma": "logarithm of the factor by which the first position multiplies a strength",
    },
    needs_ties=True,
)
