"""Multiply with the difference matrix: each row has 1 at its first model and -1 at its second.

Rows are battles or ordered pairs of models. Only `build_difference_matrix` builds the
matrix; the other functions do not need it.
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
"""The number of battles of a block; their arrays fit in a processor's cache."""


def build_difference_matrix(battles: Comparisons | BattleCounts) -> csr_array:
    """Return the sparse matrix D that maps strengths to the difference of each row's models."""
    number = len(battles.first)
    rows = np.arange(number)
    signs = np.repeat([1.0, -1.0], number)
    places = (np.concatenate([rows, rows]), np.concatenate([battles.first, battles.second]))
    return csr_array((signs, places), shape=(number, len(battles.models)))


def sum_by_model(first: IntArray, second: IntArray, value: FloatArray, size: int) -> FloatArray:
    """Return D' value: for each model, the sum of its rows' values, negated if it is second."""
    sums = np.bincount(first, value, size).astype(np.float64)
    sums -= np.bincount(second, value, size)
    return sums


def build_laplacian(first: IntArray, second: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Return D' diag(weight) D, the Laplacian of the graph of models."""
    between = np.bincount(first * size + second, weight, size**2).reshape(size, size)
    between += between.T
    return np.diag(between.sum(axis=1)) - between


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairDesignMatrix:
    """The design matrix of a regression: a row for each battle, columns for models and covariates.

    The dense matrix is never built. Consecutive battles of the same two models are a run. Battles
    sorted by pair have one run per pair, which makes products fast.

    Attributes:
        first: the first model of each run.
        second: the second model of each run.
        starts: the index of each run's first battle.
        lengths: the number of battles of each run.
        size: the number of models.
        covariates: one row per covariate, one column per battle.
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
        """Return the design of battles; `covariates` has one row each and one column per battle."""
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
        """Return the design of consecutive battles."""
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
        """The number of columns: models, then covariates."""
        return self.size + len(self.covariates)

    def predict(self, coefficients: FloatArray) -> FloatArray:
        """Return the linear predictor of each battle."""
        linear: FloatArray = np.repeat(
            coefficients[self.first] - coefficients[self.second], self.lengths
        )
        if len(self.covariates):
            linear += coefficients[self.size :] @ self.covariates
        return linear

    def transposed_product(self, value: FloatArray) -> FloatArray:
        """Return the product of the transposed matrix and a vector with one value per battle."""
        return np.append(self._sum_by_model(value), self.covariates @ value)

    def gram(self, weight: FloatArray) -> FloatArray:
        """Return X' diag(weight) X, with X this matrix."""
        if len(weight) > ROWS_PER_BLOCK:
            pieces = (
                slice(start, start + ROWS_PER_BLOCK)
                for start in range(0, len(weight), ROWS_PER_BLOCK)
            )
            parts = [self.part(rows).gram(weight[rows]) for rows in pieces]
            return np.asarray(np.sum(parts, axis=0))
        by_run = np.add.reduceat(weight, self.starts)
        strengths = build_laplacian(self.first, self.second, by_run, self.size)
        weighted = self.covariates * weight
        mixed = np.array([self._sum_by_model(row) for row in weighted]).reshape(-1, self.size)
        return np.block([[strengths, mixed.T], [mixed, weighted @ self.covariates.T]])

    def rows(self, value: FloatArray) -> csr_array:
        """Return the sparse matrix with each row multiplied by its value."""
        battles = np.arange(len(value))
        models = np.concatenate([self.first, self.second])
        places = np.concatenate([battles, battles]), np.repeat(models, np.tile(self.lengths, 2))
        signed = np.concatenate([value, -value])
        strengths = csr_array((signed, places), shape=(len(battles), self.size))
        return csr_array(hstack([strengths, csr_array((self.covariates * value).T)]))

    def _sum_by_model(self, value: FloatArray) -> FloatArray:
        by_run = np.add.reduceat(value, self.starts)
        return sum_by_model(self.first, self.second, by_run, self.size)
