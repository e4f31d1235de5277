"""Estimate ratings at equal style, as Chatbot Arena does.

A style feature is a count in an answer (tokens, headers, lists, bold). Its difference enters
Bradley-Terry as (f_a - f_b) / (f_a + f_b), standardized; the strengths are then those at equal
style. Unlike in Chatbot Arena, the default is no penalty, and intervals are clustered by question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.ratings.covariates import bradley_terry_with_covariates

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.estimation.fitted_ratings import FittedRatings


def style_feature_difference(first: npt.ArrayLike, second: npt.ArrayLike) -> FloatArray:
    """Return the relative difference of a feature between two answers, from -1 to 1.

    Each count is increased by one, so that two counts of 0 have a difference of 0.

    Args:
        first: the counts in the first answers, one per battle, from 0.
        second: the counts in the second answers.

    Raises:
        BattlesError: a count is negative.
    """
    counts = [np.asarray(each, dtype=np.float64) + 1 for each in (first, second)]
    if any(np.any(~(count >= 1)) for count in counts):
        msg = "a style feature counts something in an answer: it is a number from 0 up"
        raise BattlesError(msg)
    difference: FloatArray = (counts[0] - counts[1]) / (counts[0] + counts[1])
    return difference


def style_controlled_ratings(
    comparisons: Comparisons,
    differences: Mapping[str, npt.ArrayLike],
    *,
    level: float = 0.95,
    penalty: float = 0.0,
    covariate_penalty: float = 0.0,
) -> FittedRatings:
    """Return ratings at equal style; a parameter is the effect of one standard deviation.

    Args:
        comparisons: the battles.
        differences: one `style_feature_difference` per battle, by feature; they are standardized.
        level: the intervals' level.
        penalty: the penalty on the squared strengths.
        covariate_penalty: the penalty on the squared coefficients of the features.
    """
    return bradley_terry_with_covariates(
        comparisons,
        {name: _standardize(name, values) for name, values in differences.items()},
        level=level,
        penalty=penalty,
        covariate_penalty=covariate_penalty,
    )


def _standardize(name: str, values: npt.ArrayLike) -> FloatArray:
    numbers = np.asarray(values, dtype=np.float64)
    centered: FloatArray = numbers - numbers.mean()
    deviation = np.sqrt(centered @ centered / len(centered))
    if not deviation > 0:
        msg = f"the style feature {name} is the same in every battle: there is nothing to control"
        raise BattlesError(msg)
    centered /= deviation
    return centered
