"""Estimate the probability that a model wins a battle, from Bradley-Terry ratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from evalharness.stats.estimation.fitted_ratings import ELO_PER_NAT
from evalharness.stats.intervals.rank_sets import compute_difference_errors, compute_gaps

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.estimation.fitted_ratings import FittedRatings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WinProbabilities:
    """The probability that each model (row) wins against each other (column); ties count half.

    Attributes:
        models: the names of the models.
        value: the probabilities, from 0 to 1.
        low: the lower ends of the intervals.
        high: the upper ends of the intervals.
        level: the intervals' level.
    """

    models: tuple[str, ...]
    value: FloatArray
    low: FloatArray
    high: FloatArray
    level: float


def estimate_win_probabilities(ratings: FittedRatings) -> WinProbabilities:
    """Return the probability that each model wins, with intervals from the full covariance.

    Args:
        ratings: the fit; its level is also the level of the intervals.
    """
    size = len(ratings.models)
    first, second = np.triu_indices(size, 1)
    differences = compute_gaps(ratings.ratings)
    reach = ratings.critical * compute_difference_errors(ratings.rating_covariance)
    low, high = differences - reach, differences + reach
    low[first, second], high[first, second] = ratings.widen(
        np.eye(size)[first] - np.eye(size)[second], low[first, second], high[first, second]
    )
    low[second, first], high[second, first] = -high[first, second], -low[first, second]
    return WinProbabilities(
        models=ratings.models,
        value=expit(differences / ELO_PER_NAT),
        low=expit(low / ELO_PER_NAT),
        high=expit(high / ELO_PER_NAT),
        level=ratings.level,
    )
