"""Each question's influence on an estimate from labels and a judge's predictions together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.comparisons import FloatArray

_ROUNDING = 1e-20
"""Relative to the labels' variance: a judge's below changes nothing, and may be rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Influence:
    """Each question's part in an estimate: labels - trust * (predictions - unlabelled).

    Rows are questions, columns coordinates, all about their mean.
    """

    labels: FloatArray
    predictions: FloatArray
    unlabelled: FloatArray

    @property
    def judged(self) -> FloatArray:
        """What trust in the judge takes off."""
        return self.predictions - self.unlabelled

    def total(self, trust: float) -> FloatArray:
        """Return each question's influence at a trust."""
        return self.labels - trust * self.judged


def influence_of(
    labels: FloatArray,
    predictions: FloatArray,
    unlabelled: FloatArray,
    question: npt.NDArray[np.generic],
    unlabelled_question: npt.NDArray[np.generic],
    weights: tuple[FloatArray, FloatArray] | None = None,
) -> Influence:
    """Return each question's influence; each part with its own correction G/(G-1)."""
    codes = np.unique(np.concatenate([question, unlabelled_question]))
    weight, more = weights or (np.ones(len(labels)), np.ones(len(unlabelled)))

    def summed(
        rows: FloatArray, weight: FloatArray, cluster: npt.NDArray[np.generic]
    ) -> FloatArray:
        shares = weight / weight.sum()
        number = len(np.unique(cluster))
        correction = math.sqrt(number / (number - 1)) if number > 1 else math.nan
        places = (np.searchsorted(codes, cluster), np.arange(len(cluster)))
        members = csr_array((shares, places), shape=(len(codes), len(cluster)))
        sums: FloatArray = correction * (members @ (rows - shares @ rows))
        return sums

    return Influence(
        labels=summed(labels, weight, question),
        predictions=summed(predictions, weight, question),
        unlabelled=summed(unlabelled, more, unlabelled_question),
    )


def best_trust(influence: Influence, inverse: FloatArray) -> float:
    """Return the weight in 0..1 that makes the total variance smallest."""
    labels, judged = influence.labels @ inverse, influence.judged @ inverse
    spread = float(np.sum(judged**2))
    if spread <= _ROUNDING * float(np.sum(labels**2)):
        return 0.0
    return float(np.clip(np.sum(labels * judged) / spread, 0.0, 1.0))
