"""Ratings by models in which a tie is an outcome of its own, with or without a position effect.

Davidson 1970 (JASA 65) lets ties be likelier between equals in proportion to the geometric mean
of the strengths; Davidson & Beaver 1977 (Biometrics 33) multiply the first one's strength for its
position. Rao & Kupper 1967 (JASA 62) call a tie what falls within a threshold.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import SeparationError
from evalharness.stats.battles.comparisons import BattleOutcome
from evalharness.stats.battles.count_arrays import ensure_counts
from evalharness.stats.ratings.fitted_ratings import MEAN_RATING
from evalharness.stats.ratings.likelihood import OutcomeModel, OutcomeTerms, fit_ratings

if TYPE_CHECKING:
    from evalharness.stats.battles.comparisons import Comparisons, FloatArray
    from evalharness.stats.battles.counts import BattleCounts
    from evalharness.stats.ratings.fitted_ratings import FittedRatings

# One row an outcome (second won, tie, first won); columns: difference, log_nu, log_gamma.
_DAVIDSON_FEATURES = np.array([[-0.5, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 1.0]])

# What the difference, eta and delta add to the margin by which the first, or the second, wins.
_FIRST_MARGIN = np.array([1.0, -1.0, 1.0])
_SECOND_MARGIN = np.array([-1.0, -1.0, -1.0])


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
        battles: the battles, one by one or counted.
        position: also estimate `log_gamma`, the log of what multiplies the first one's strength.
        level: the intervals' level.
        penalty: subtracts penalty/2 times the squared strengths, as a normal prior of standard
            deviation 1/sqrt(penalty) would; it keeps ratings finite where a model only won.
        anchor: the model whose rating is `anchor_rating`; without one, their mean is.
        anchor_rating: the rating of the anchor or the mean.
        max_iterations: Newton steps before giving up.

    Raises:
        SeparationError: no battle is a tie, or all are; or a rating has no finite value, and there
            is no penalty.
        DisconnectedError: the battles do not connect the models.
        ConvergenceError: it did not converge.
        ValueError: an argument makes no sense.
    """
    counts = ensure_counts(battles)
    ties, decided = _require_ties_and_decisions(counts)
    model = OutcomeModel(
        name="Davidson",
        parameters=("log_nu", "log_gamma")[: 1 + position],
        start=(math.log(2 * ties / decided), 0.0)[: 1 + position],
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

    P(first) = s(d + delta - eta), P(second) = s(-d - delta - eta), s the logistic function, and
    exp(eta) the threshold of the paper.

    Args:
        battles: the battles, one by one or counted.
        position: also estimate `delta`, the log-odds that the first of two equals wins.
        level: the intervals' level.
        penalty: subtracts penalty/2 times the squared strengths, as a normal prior of standard
            deviation 1/sqrt(penalty) would; it keeps ratings finite where a model only won.
        anchor: the model whose rating is `anchor_rating`; without one, their mean is.
        anchor_rating: the rating of the anchor or the mean.
        max_iterations: Newton steps before giving up.

    Raises:
        SeparationError: no battle is a tie, or all are; or a rating has no finite value, and there
            is no penalty.
        DisconnectedError: the battles do not connect the models.
        ConvergenceError: it did not converge.
        ValueError: an argument makes no sense.
    """
    counts = ensure_counts(battles)
    ties, decided = _require_ties_and_decisions(counts)
    model = OutcomeModel(
        name="Rao-Kupper",
        parameters=("eta", "delta")[: 1 + position],
        # between equals, P(tie) = tanh(eta / 2)
        start=(2 * math.atanh(ties / (ties + decided)), 0.0)[: 1 + position],
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


def _require_ties_and_decisions(counts: BattleCounts) -> tuple[float, float]:
    """Return the weights of ties and of decided battles; a model of ties needs both."""
    ties = counts.weight[:, BattleOutcome.TIE].sum()
    decided = counts.weight.sum() - ties
    if not (ties and decided):
        which = "no battle is a tie" if decided else "every battle is a tie"
        msg = f"{which}, so how often models tie has no finite estimate: use bradley_terry"
        raise SeparationError(msg)
    return float(ties), float(decided)


def _davidson_terms(difference: FloatArray, parameters: FloatArray) -> OutcomeTerms:
    features = _DAVIDSON_FEATURES[:, : 1 + len(parameters)]
    linear = np.outer(difference, features[:, 0]) + features[:, 1:] @ parameters
    log_probability = linear - np.logaddexp.reduce(linear, axis=1, keepdims=True)
    probability = np.exp(log_probability)
    score = features - (probability @ features)[:, None, :]
    information = np.einsum("po,poc,pod->pcd", probability, score, score)
    return OutcomeTerms(
        log_probability=log_probability,
        score=score,
        information=np.repeat(information[:, None], len(BattleOutcome), axis=1),
    )


def _rao_kupper_terms(difference: FloatArray, parameters: FloatArray) -> OutcomeTerms:
    """A tie has the probability (e^(2 eta) - 1) P(first) P(second): three sums of the same terms."""
    first = _logistic_terms(difference, parameters, _FIRST_MARGIN)
    second = _logistic_terms(difference, parameters, _SECOND_MARGIN)
    eta = parameters[0]
    coordinates = 1 + len(parameters)
    score, information = np.zeros(coordinates), np.zeros((coordinates, coordinates))
    log_ratio = math.log(math.expm1(2 * eta)) if eta > 0 else math.nan
    score[1] = 2 / -math.expm1(-2 * eta) if eta > 0 else math.nan
    information[1, 1] = score[1] ** 2 * math.exp(-2 * eta)
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
    """Return the terms of one logistic probability, without the axis of outcomes."""
    slope = margin[: 1 + len(parameters)]
    linear = slope[0] * difference + slope[1:] @ parameters
    log_probability = -np.logaddexp(0.0, -linear)
    miss = np.exp(-np.logaddexp(0.0, linear))
    return OutcomeTerms(
        log_probability=log_probability,
        score=np.outer(miss, slope),
        information=(miss * np.exp(log_probability))[:, None, None] * np.outer(slope, slope),
    )
