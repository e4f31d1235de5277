"""Compute which departure of a rate from its bound a number of questions can show."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import bdtri

from evalharness.stats.intervals.means import clustered_share_interval
from evalharness.stats.intervals.question_means import QuestionMeans


def minimum_detectable_departure(
    bound: float, questions: int, *, level: float = 0.95, power: float = 0.8
) -> float:
    """Return the smallest distance below a bound at which a rate is found to be below it.

    A rate is below the bound if its whole interval is (see `clustered_proportion`). Each question
    gives yes or no. For a rate above a bound, give 1 minus the bound.

    Args:
        bound: the smallest rate that is accepted, from 0 to 1.
        questions: the number of questions.
        level: the level of the interval.
        power: the probability of finding the departure.

    Returns:
        The distance; NaN if the questions cannot show even a rate of 0.
    """
    low, high = -1, max(questions, 1)
    if questions < 2 or _upper_bound(0, questions, level) >= bound:  # noqa: PLR2004 - a spread needs two
        return math.nan
    while high - low > 1:
        middle = (low + high) // 2
        if _upper_bound(middle, questions, level) < bound:
            low = middle
        else:
            high = middle
    return bound - float(bdtri(low, questions, power))


def _upper_bound(part: int, number: int, level: float) -> float:
    """Return the upper bound of a share of yes-or-no questions."""
    share = part / number
    questions = QuestionMeans.from_values(
        np.array([1.0, 0.0]), np.ones(2), (0.0, 1.0), count=np.array([part, number - part], float)
    )
    error = math.sqrt(share * (1 - share) / (number - 1))
    return clustered_share_interval(share, error, number, level, questions)[1]
