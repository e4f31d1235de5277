"""What pairs do to strengths: a row's value goes to its first model and, negated, to its second.

Rows are battles or ordered pairs of models. These are products with the sparse matrix that
`differences` returns, without making it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from evalharness.stats.comparisons import Comparisons, FloatArray, IntArray
    from evalharness.stats.counts import Counts


def differences(battles: Comparisons | Counts) -> csr_array:
    """Return the matrix that takes strengths to the difference of each row's two models."""
    number = len(battles.first)
    rows = np.arange(number)
    signs = np.repeat([1.0, -1.0], number)
    places = (np.concatenate([rows, rows]), np.concatenate([battles.first, battles.second]))
    return csr_array((signs, places), shape=(number, len(battles.models)))


def slope(first: IntArray, second: IntArray, value: FloatArray, size: int) -> FloatArray:
    """Return by model the sum of the rows' values, negated where it is second: D' value."""
    towards = np.bincount(first, value, size).astype(np.float64)
    towards -= np.bincount(second, value, size)
    return towards


def laplacian(first: IntArray, second: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Return D' diag(weight) D: how much weight lies between each two models, negated."""
    between = np.bincount(first * size + second, weight, size**2).reshape(size, size)
    between += between.T
    return np.diag(between.sum(axis=1)) - between
