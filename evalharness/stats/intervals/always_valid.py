"""Compute the boundary of always-valid tests, which may be evaluated after every observation.

A random walk without drift leaves the boundary with probability at most alpha, at any time. The
boundary is the normal mixture of Robbins 1970 (Annals of Mathematical Statistics 41), as in Howard,
Ramdas, McAuliffe & Sekhon 2021 (Annals of Statistics 49).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray

_TIGHTEST_SHARE = 0.25
"""The boundary is tightest at this share of the information of all units."""


def always_valid_boundary(information: npt.ArrayLike, *, alpha: float, rho: float) -> FloatArray:
    """Return the |z| at which a pair is decided, for each amount of information.

    It is sqrt((1 + rho / t) (ln((t + rho) / rho) - 2 ln alpha)), with t the information.

    Args:
        information: the inverse of the variance of the difference; above 0.
        alpha: the probability of ever deciding between equals.
        rho: the parameter of the mixture. At alpha = 0.05, the boundary is tightest at an
            information of 8.8 rho.
    """
    t = np.asarray(information, dtype=np.float64)
    bound: FloatArray = np.sqrt((1 + rho / t) * (np.log1p(t / rho) - 2 * math.log(alpha)))
    return bound


def choose_boundary_rho(models: int, questions: int, alpha: float) -> float:
    """Return the `rho` with the tightest boundary at a quarter of the information of all units.

    It does not depend on any outcome, as an always-valid test requires. Howard et al. 2021,
    section 3.5: the boundary is tightest at t where rho = t / (-2 ln alpha + ln(-2 ln alpha) + 1),
    to first order.

    Args:
        models: the number of models.
        questions: the number of questions.
        alpha: the probability of ever deciding between equals.
    """
    all_information = models * questions / 4  # a unit of two equal models gives 2 / 4
    logarithm = -2 * math.log(alpha)
    return _TIGHTEST_SHARE * all_information / (logarithm + math.log(logarithm) + 1)
