"""Search for the bound of an interval: the value at which a p value reaches its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.stats.arrays import FloatArray, IntArray

_SHORTEST_STEP = 0.25
_PRECISION = 1e-10
_STEPS = 60
_SLOWEST_SHARE = 1e-3
"""A step of the search moves at least by this share of the bracket, and leaves as much."""


def search_bounds(
    excess: Callable[[IntArray, FloatArray], FloatArray],
    nearest: FloatArray,
    estimates: FloatArray,
    sides: FloatArray,
    *,
    farthest: float,
) -> FloatArray:
    """Return where a function falls to 0 on the way out from an estimate, for many bounds at once.

    A bound is the nearest one that is allowed if the function is not above 0 there, and infinite
    if the function is above 0 up to the farthest distance.

    Args:
        excess: the function, of the indices of bounds and their values; for example the
            logarithm of a p value minus that of its limit.
        nearest: the bound of each interval that is allowed nearest to its estimate.
        estimates: the estimates.
        sides: 1 for a lower bound, which moves down, and -1 for an upper bound.
        farthest: the distance from the estimate from which a bound is infinite.
    """
    inner, outer = nearest.copy(), nearest.copy()
    inner_excess = excess(np.arange(len(nearest)), nearest)
    outer_excess = inner_excess.copy()
    found = nearest.copy()
    distance = np.abs(nearest - estimates)
    step = np.maximum(distance / 2, _SHORTEST_STEP)
    active = np.flatnonzero(inner_excess > 0)
    bracketed = active
    while active.size:
        inner[active], inner_excess[active] = outer[active], outer_excess[active]
        is_far = distance[active] >= farthest
        found[active[is_far]] = -np.inf * sides[active[is_far]]
        active = active[~is_far]
        distance[active] = np.minimum(distance + step, farthest)[active]
        outer[active] = (estimates - sides * distance)[active]
        step[active] *= 2
        outer_excess[active] = excess(active, outer[active])
        active = active[outer_excess[active] > 0]
    active = bracketed[np.isfinite(found[bracketed])]
    found[active] = _narrow(excess, active, (inner, inner_excess), (outer, outer_excess))
    return found


def _narrow(
    excess: Callable[[IntArray, FloatArray], FloatArray],
    chosen: IntArray,
    inner: tuple[FloatArray, FloatArray],
    outer: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Return the roots between the ends of brackets, by the Illinois method."""
    (a, at_a), (b, at_b) = ((end[0][chosen], end[1][chosen]) for end in (inner, outer))
    root, was_above = b.copy(), np.zeros(len(chosen), dtype=np.int64)
    active = np.arange(len(chosen))
    for _ in range(_STEPS):
        if not active.size:
            break
        share = at_a[active] / (at_a[active] - at_b[active])
        share = np.clip(share, _SLOWEST_SHARE, 1 - _SLOWEST_SHARE)
        middle = a[active] + (b[active] - a[active]) * share
        value = excess(chosen[active], middle)
        root[active] = middle
        above, below = active[value > 0], active[value <= 0]
        a[above], at_a[above] = middle[value > 0], value[value > 0]
        b[below], at_b[below] = middle[value <= 0], value[value <= 0]
        # An end that stays for two steps counts half, so that the other end moves too.
        at_b[above] /= np.where(was_above[above] > 0, 2, 1)
        at_a[below] /= np.where(was_above[below] < 0, 2, 1)
        was_above[above], was_above[below] = 1, -1
        active = active[(np.abs(value) > _PRECISION) & (np.abs(a - b)[active] > _PRECISION)]
    return root
