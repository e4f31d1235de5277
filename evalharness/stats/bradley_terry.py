"""Bradley-Terry ratings: the log-odds of a win are the difference of two strengths.

Bradley & Terry 1952 (Biometrika 39). A tie counts as half a win for each side, which makes the
likelihood a quasi-likelihood: its ratings are consistent, its own standard errors are not, so
intervals come from the clustered sandwich.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.likelihood import OutcomeModel, Terms, fit
from evalharness.stats.ratings import MEAN_RATING

if TYPE_CHECKING:
    from evalharness.stats.comparisons import Comparisons, FloatArray
    from evalharness.stats.ratings import Ratings

_POINTS = np.array([0.0, 0.5, 1.0])


def bradley_terry(
    comparisons: Comparisons,
    *,
    level: float = 0.95,
    penalty: float = 0.0,
    anchor: str | None = None,
    anchor_rating: float = MEAN_RATING,
    max_iterations: int = 100,
) -> Ratings:
    """Return Bradley-Terry ratings, ties as half; arguments and errors are those of `fit`."""
    return fit(
        comparisons,
        OutcomeModel(name="Bradley-Terry", parameters=(), start=(), terms=_terms),
        level=level,
        penalty=penalty,
        anchor=anchor,
        anchor_rating=anchor_rating,
        max_iterations=max_iterations,
    )


def _terms(difference: FloatArray, _parameters: FloatArray) -> Terms:
    log_win = -np.logaddexp(0.0, -difference)
    log_loss = -np.logaddexp(0.0, difference)
    probability = np.exp(log_win)
    information = np.broadcast_to(
        (probability * np.exp(log_loss))[:, None, None, None], (len(difference), 3, 1, 1)
    )
    return Terms(
        log_probability=np.outer(log_win, _POINTS) + np.outer(log_loss, 1 - _POINTS),
        score=(_POINTS - probability[:, None])[:, :, None],
        information=information,
    )
