"""Compute Gaffke's tail: how likely a bounded mean is as large as observed if it is really zero.

Let x_1, ..., x_n be independent values in [a, b], and D a vector of n+1 weights, uniform on the
simplex. The probability that D_1 x_1 + ... + D_n x_n + D_{n+1} a <= c is a p value of the
hypothesis that their mean is at most c (Gaffke 2005, arXiv:math/0509216; Learned-Miller & Thomas
2019, arXiv:1905.06208). The p value holds for any number of values and any shape of their
distribution, as far as is known: no counterexample is known, and there is no general proof. Values
0 and 1 give the Clopper-Pearson interval.

The weights are n+1 independent exponential variables divided by their sum, so the probability is
that of a weighted sum of exponential variables. It comes from the saddlepoint approximation of
Lugannani & Rice 1980 (Advances in Applied Probability 12).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.arrays import FloatArray

_STEPS = 60
_PRECISION = 1e-9
_NEAR_THE_MEAN = 1e-3
"""Closer to the mean, in standard deviations, the formula loses digits, and its limit is used."""


def gaffke_tail(
    values: npt.ArrayLike, pseudo: npt.ArrayLike, *, counts: npt.ArrayLike | None = None
) -> FloatArray:
    """Return the probability that sum_g values_g E_g + pseudo E is at most 0.

    The E are independent exponential variables. With values w_g (x_g - c) and the pseudo value
    w (a - c) of the lower bound a, it is the p value of "the mean is at most c" against a larger
    mean. For the other direction, negate both arguments.

    Args:
        values: the values along the last axis; other axes are separate sets of values.
        pseudo: the pseudo value of each set, at most 0.
        counts: how often each value occurs, along the last axis; 1 by default.
    """
    pseudo_values = np.asarray(pseudo, dtype=np.float64)[..., None]
    given = np.asarray(values, dtype=np.float64)
    times = np.append(np.ones(given.shape[-1]) if counts is None else counts, 1.0)
    shape = np.broadcast_shapes(given.shape[:-1], pseudo_values.shape[:-1])
    coefficients = np.concatenate(
        [np.broadcast_to(part, (*shape, part.shape[-1])) for part in (given, pseudo_values)],
        axis=-1,
    ).reshape(-1, len(times))
    largest = np.max(np.abs(coefficients), axis=1, keepdims=True, initial=np.finfo(float).tiny)
    coefficients = coefficients / largest
    high, low = coefficients.max(axis=1), coefficients.min(axis=1)
    tail = np.where(high > 0, 0.0, 1.0)
    mixed = (high > 0) & (low < 0)
    tail[mixed] = _saddlepoint_tail(coefficients[mixed], times)
    return tail.reshape(shape)


def _saddlepoint_tail(coefficients: FloatArray, counts: FloatArray) -> FloatArray:
    """Return P(sum_g coefficients_g E_g <= 0); each row has values of both signs."""
    point = _solve_saddlepoint(coefficients, counts)
    rest = 1 - coefficients * point[:, None]
    ratio = coefficients / rest
    cumulants = -(np.log(rest) @ counts)
    spread = np.sqrt(ratio**2 @ counts)
    signed = np.copysign(np.sqrt(np.maximum(-2 * cumulants, 0.0)), point)
    deviation = point * spread
    near = np.abs(deviation) < _NEAR_THE_MEAN
    signed_or_one, deviation_or_one = np.where(near, 1.0, signed), np.where(near, 1.0, deviation)
    correction = np.where(
        near,
        2 * (ratio**3 @ counts) / spread**3 / 6,
        1 / signed_or_one - 1 / deviation_or_one,
    )
    density = np.exp(-(signed**2) / 2) / math.sqrt(2 * math.pi)
    return np.clip(ndtr(signed) + density * correction, 0.0, 1.0)


def _solve_saddlepoint(coefficients: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the root in t of sum_g counts_g a_g / (1 - a_g t) = 0, by Newton with a bracket."""
    low, high = 1 / coefficients.min(axis=1), 1 / coefficients.max(axis=1)
    point = np.zeros(len(coefficients))
    for _ in range(_STEPS):
        ratio = coefficients / (1 - coefficients * point[:, None])
        slope, curvature = ratio @ counts, ratio**2 @ counts
        low, high = np.where(slope < 0, point, low), np.where(slope > 0, point, high)
        stepped = point - slope / curvature
        stepped = np.where((stepped > low) & (stepped < high), stepped, (low + high) / 2)
        moved, point = np.abs(stepped - point), stepped
        if np.all(moved <= _PRECISION * np.abs(point) + _PRECISION**2):
            break
    return point
