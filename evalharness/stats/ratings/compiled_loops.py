"""Compile the two inner loops of the bootstrap with numba (the extra `fast`).

Poisson numbers come from alias tables (Walker 1977, ACM TOMS 3; Vose 1991, IEEE TSE 17), one table
for each cell. A table takes a few microseconds to build and nanoseconds to draw from. Tails beyond
seven standard deviations are left out: they are below 2^-32, the precision of a table.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit, uint32, uint64

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray

_TAIL_DEVIATIONS = 7.0
_TABLES_PER_THREAD = 1 << 11
"""The number of tables that a thread builds at a time."""

_MAX_TABLE_ENTRIES = 1 << 24
"""Tables with more entries take longer to build than they save."""

_TWO_TO_32 = 2.0**32
_LOW_32_BITS = 0xFFFFFFFF

_FAST_MATH_FLAGS = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered. NaN and infinity are kept, so that divergence can be detected."""

# SplitMix64 (Steele, Lea & Flood 2014, OOPSLA)
_GAMMA = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AliasTables:
    """Alias tables of Poisson numbers, one for each cell.

    Attributes:
        start: the first entry of each cell in `cut` and `alias`.
        width: the number of entries of each cell.
        low: the Poisson number of each cell's first entry.
        cut: the threshold of each entry, as a share of 2^32.
        alias: the entry that is drawn above the threshold.
    """

    start: IntArray
    width: IntArray
    low: IntArray
    cut: npt.NDArray[np.uint32]
    alias: npt.NDArray[np.int32]


def build_alias_tables(means: FloatArray) -> AliasTables | None:
    """Return alias tables for Poisson numbers with these means (above 0); None if too large."""
    reach = _TAIL_DEVIATIONS * np.sqrt(means)
    low = np.maximum(np.floor(means - reach - _TAIL_DEVIATIONS), 0).astype(np.int64)
    width = np.ceil(means + reach + 2 * _TAIL_DEVIATIONS).astype(np.int64) - low
    total = int(width.sum())
    if total > _MAX_TABLE_ENTRIES:
        return None
    start = np.cumsum(width) - width
    made = AliasTables(
        start=start,
        width=width,
        low=low,
        cut=np.empty(total, dtype=np.uint32),
        alias=np.empty(total, dtype=np.int32),
    )

    def fill(cells: slice) -> None:
        _fill_alias_tables(
            means[cells], start[cells], width[cells], low[cells], made.cut, made.alias
        )

    with ThreadPoolExecutor() as threads:
        slices = (
            slice(at, at + _TABLES_PER_THREAD) for at in range(0, len(means), _TABLES_PER_THREAD)
        )
        list(threads.map(fill, slices))
    return made


def draw_replicates(
    tables: AliasTables,
    pair: IntArray,
    weight: FloatArray,
    points: FloatArray,
    seed: np.uint64,
    shape: tuple[int, int],
) -> tuple[FloatArray, FloatArray]:
    """Return the first models' points and the battles' weights, by pair and replicate.

    Args:
        tables: the alias tables of the cells.
        pair: the number of each cell's pair.
        weight: the weight of a battle in each cell.
        points: the points of the pair's first model for a battle in each cell.
        seed: the seed of this stream of random numbers.
        shape: the number of pairs and of replicates.
    """
    won, total = np.zeros((2, *shape))
    cells = (tables.start, tables.width, tables.low, tables.cut, tables.alias)
    _draw_from_tables(*cells, pair, weight, points, seed, won, total)
    return won, total


@njit(nogil=True, cache=True)
def _fill_alias_tables(means: Any, start: Any, width: Any, low: Any, cut: Any, alias: Any) -> None:
    largest = width.max()
    share = np.empty(largest)
    short, tall = np.empty(largest, np.int64), np.empty(largest, np.int64)
    for cell in range(len(means)):
        size, at = width[cell], start[cell]
        total = 0.0
        for entry in range(size):
            if entry == 0:
                first = float(low[cell])
                share[0] = math.exp(
                    first * math.log(means[cell]) - means[cell] - math.lgamma(first + 1)
                )
            else:
                share[entry] = share[entry - 1] * means[cell] / (low[cell] + entry)
            total += share[entry]
        shorts, talls = 0, 0
        for entry in range(size):
            share[entry] *= size / total
            if share[entry] < 1:
                short[shorts] = entry
                shorts += 1
            else:
                tall[talls] = entry
                talls += 1
            cut[at + entry] = uint32(_TWO_TO_32 - 1)
            alias[at + entry] = entry
        while shorts and talls:
            shorts -= 1
            lower, upper = short[shorts], tall[talls - 1]
            cut[at + lower] = uint32(min(share[lower] * _TWO_TO_32, _TWO_TO_32 - 1))
            alias[at + lower] = upper
            share[upper] -= 1 - share[lower]
            if share[upper] < 1:
                talls -= 1
                short[shorts] = upper
                shorts += 1


@njit(nogil=True, cache=True)
def _draw_from_tables(
    start: Any,
    width: Any,
    low: Any,
    cut: Any,
    alias: Any,
    pair: Any,
    weight: Any,
    points: Any,
    seed: Any,
    won: Any,
    total_weight: Any,
) -> None:
    state = uint64(seed)
    replicates = won.shape[1]
    for cell in range(len(pair)):
        at, size, row = start[cell], uint64(width[cell]), pair[cell]
        for replicate in range(0, replicates, 2):
            state += uint64(_GAMMA)
            mixed = (state ^ (state >> uint64(30))) * uint64(_MIX_1)
            mixed = (mixed ^ (mixed >> uint64(27))) * uint64(_MIX_2)
            mixed ^= mixed >> uint64(31)
            for half in range(2):  # 32 random bits are enough for a table
                if replicate + half == replicates:
                    break
                scaled = ((mixed >> uint64(32 * half)) & uint64(_LOW_32_BITS)) * size
                entry = np.int64(scaled >> uint64(32))
                # reading both avoids a branch that the processor would mispredict half of the time
                other = np.int64(alias[at + entry])
                misses = np.int64(scaled & uint64(_LOW_32_BITS) >= cut[at + entry])
                number = float(low[cell] + entry + misses * (other - entry))
                won[row, replicate + half] += number * points[cell]
                total_weight[row, replicate + half] += number * weight[cell]


@njit(nogil=True, cache=True, fastmath=_FAST_MATH_FLAGS)
def solve_replicates(
    won: Any,
    total_weight: Any,
    first: Any,
    second: Any,
    inverse: Any,
    penalty: float,
    strengths: Any,
    smallest_step: float,
    max_steps: int,
) -> Any:
    """Take chord steps from `strengths`, in place; return the last step length by replicate.

    Args:
        won: the points of the first model, by pair and replicate.
        total_weight: the total weight of battles, by pair and replicate.
        first: the first model of each pair.
        second: the second model of each pair.
        inverse: the inverse information at the maximum.
        penalty: the penalty of the fit.
        strengths: the strengths, by model and replicate.
        smallest_step: the length of a step at which a replicate has converged.
        max_steps: the number of steps before giving up.
    """
    odds, slope = np.empty(strengths.shape), np.empty(strengths.shape)
    lengths = np.full(strengths.shape[1], np.inf)
    for _ in range(max_steps):
        _gradient(won, total_weight, first, second, penalty, strengths, odds, slope)
        step = inverse @ slope
        lengths[:] = 0.0
        for model in range(len(strengths)):
            for replicate in range(len(lengths)):
                change = step[model, replicate]
                strengths[model, replicate] += change
                lengths[replicate] += change * change
        lengths[:] = np.sqrt(lengths)
        if np.all(lengths < smallest_step):
            break
    return lengths


@njit(nogil=True, cache=True, fastmath=_FAST_MATH_FLAGS)
def _gradient(
    won: Any,
    total_weight: Any,
    first: Any,
    second: Any,
    penalty: float,
    strengths: Any,
    odds: Any,
    slope: Any,
) -> None:
    models, replicates = strengths.shape
    for replicate in range(replicates):
        mean = strengths[:, replicate].mean()
        for model in range(models):
            odds[model, replicate] = math.exp(strengths[model, replicate])
            slope[model, replicate] = -penalty * (strengths[model, replicate] - mean)
    for pair in range(len(first)):
        one, other = first[pair], second[pair]
        for replicate in range(replicates):
            chance = odds[one, replicate] / (odds[one, replicate] + odds[other, replicate])
            surplus = won[pair, replicate] - total_weight[pair, replicate] * chance
            slope[one, replicate] += surplus
            slope[other, replicate] -= surplus
