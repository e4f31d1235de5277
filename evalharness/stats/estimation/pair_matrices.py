"""What pairs do to strengths: a row's value goes to its first model and, negated, to its second.

Rows are battles or ordered pairs of models. These are products with the sparse matrix that
`differences` returns, without making it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, hstack

if TYPE_CHECKING:
    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts


ROWS_PER_BLOCK = 1 << 16
"""Battles whose arrays stay in a processor's cache."""


def build_difference_matrix(battles: Comparisons | BattleCounts) -> csr_array:
    """Return the matrix that takes strengths to the difference of each row's two models."""
    number = len(battles.first)
    rows = np.arange(number)
    signs = np.repeat([1.0, -1.0], number)
    places = (np.concatenate([rows, rows]), np.concatenate([battles.first, battles.second]))
    return csr_array((signs, places), shape=(number, len(battles.models)))


def sum_by_model(first: IntArray, second: IntArray, value: FloatArray, size: int) -> FloatArray:
    """Return by model the sum of the rows' values, negated where it is second: D' value."""
    towards = np.bincount(first, value, size).astype(np.float64)
    towards -= np.bincount(second, value, size)
    return towards


def build_laplacian(first: IntArray, second: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Return D' diag(weight) D: how much weight lies between each two models, negated."""
    between = np.bincount(first * size + second, weight, size**2).reshape(size, size)
    between += between.T
    return np.diag(between.sum(axis=1)) - between


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairDesignMatrix:
    """The matrix of a regression, one row a battle: differences of strengths, then covariates.

    It is never made: `differences` alone has a column a model. Battles in a run are of the same
    two models; in order of their pairs there is one run a pair, and little to do.
    """

    first: IntArray
    second: IntArray
    starts: IntArray
    lengths: IntArray
    size: int
    covariates: FloatArray

    @classmethod
    def from_battles(
        cls,
        first: IntArray,
        second: IntArray,
        size: int,
        covariates: FloatArray | None = None,
    ) -> PairDesignMatrix:
        """Return the design of battles; `covariates` have a row each, a column a battle."""
        number = len(first)
        changes = (np.diff(first, prepend=-1) != 0) | (np.diff(second, prepend=-1) != 0)
        starts = np.flatnonzero(changes)
        return cls(
            first=first[starts],
            second=second[starts],
            starts=starts,
            lengths=np.diff(starts, append=number),
            size=size,
            covariates=np.zeros((0, number)) if covariates is None else covariates,
        )

    def part(self, rows: slice) -> PairDesignMatrix:
        """Return the design of some of the battles, one after another."""
        begin, end, _ = rows.indices(self.covariates.shape[1])
        from_run = int(np.searchsorted(self.starts, begin, side="right")) - 1
        runs = slice(from_run, int(np.searchsorted(self.starts, end)))
        starts = np.maximum(self.starts[runs] - begin, 0)
        return PairDesignMatrix(
            first=self.first[runs],
            second=self.second[runs],
            starts=starts,
            lengths=np.diff(starts, append=end - begin),
            size=self.size,
            covariates=self.covariates[:, rows],
        )

    @property
    def coefficients(self) -> int:
        """How many columns there are: models, then covariates."""
        return self.size + len(self.covariates)

    def predict(self, at: FloatArray) -> FloatArray:
        """Return the linear predictor of each battle."""
        linear: FloatArray = np.repeat(at[self.first] - at[self.second], self.lengths)
        if len(self.covariates):
            linear += at[self.size :] @ self.covariates
        return linear

    def slope(self, value: FloatArray) -> FloatArray:
        """Return the transposed matrix times a value a battle."""
        return np.append(self._slope(value), self.covariates @ value)

    def gram(self, weight: FloatArray) -> FloatArray:
        """Return the matrix's products with itself, each battle weighed."""
        if len(weight) > ROWS_PER_BLOCK:
            pieces = (
                slice(at, at + ROWS_PER_BLOCK) for at in range(0, len(weight), ROWS_PER_BLOCK)
            )
            parts = [self.part(rows).gram(weight[rows]) for rows in pieces]
            return np.asarray(np.sum(parts, axis=0))
        by_run = np.add.reduceat(weight, self.starts)
        strengths = build_laplacian(self.first, self.second, by_run, self.size)
        weighed = self.covariates * weight
        mixed = np.array([self._slope(row) for row in weighed]).reshape(-1, self.size)
        return np.block([[strengths, mixed.T], [mixed, weighed @ self.covariates.T]])

    def rows(self, value: FloatArray) -> csr_array:
        """Return the matrix, each row times a value."""
        battles = np.arange(len(value))
        models = np.concatenate([self.first, self.second])
        places = np.concatenate([battles, battles]), np.repeat(models, np.tile(self.lengths, 2))
        signed = np.concatenate([value, -value])
        strengths = csr_array((signed, places), shape=(len(battles), self.size))
        return csr_array(hstack([strengths, csr_array((self.covariates * value).T)]))

    def _slope(self, value: FloatArray) -> FloatArray:
        by_run = np.add.reduceat(value, self.starts)
        return sum_by_model(self.first, self.second, by_run, self.size)
