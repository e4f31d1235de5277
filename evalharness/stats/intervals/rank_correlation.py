"""Correlate two figures of the same models by rank: Kendall's tau-b and Spearman's rho."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.stats.arrays import FloatArray

FEWEST_PAIRS = 5
"""With fewer pairs there is no interval, because it would always reach from -1 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """Spearman's rho with its interval, which is None with too few pairs.

    Attributes:
        value: the correlation, from -1 to 1; None if one of the figures is the same for all.
        low: the lower end of the interval.
        high: the upper end of the interval.
        pairs: the number of models with both figures.
        level: the interval's level.
    """

    value: float | None
    low: float | None
    high: float | None
    pairs: int
    level: float


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    r"""Return Kendall's tau-b of two figures of the same models, or None if one is constant.

    This is the share of concordant pairs minus the share of discordant pairs, corrected for ties
    (Kendall 1945, Biometrika 33). There is no interval: the figures are alternative analyses
    of the same judgments, not samples.

    Args:
        first: one figure for each model.
        second: the other figure, in the same order.

    Raises:
        ValueError: the figures differ in number, or are not finite.
    """
    one, other = _checked_pairs(first, second)
    signs = [np.sign(each[:, None] - each) for each in (one, other)]
    scale = math.sqrt(float(np.sum(signs[0] ** 2)) * float(np.sum(signs[1] ** 2)))
    return float(np.sum(signs[0] * signs[1])) / scale if scale else None


def spearman(
    first: Sequence[float], second: Sequence[float], *, level: float = 0.95
) -> RankCorrelation:
    r"""Return the rank correlation of two figures of the same models; ties get their mean rank.

    The interval treats the models as a sample of models. It is Fisher's z with the variance of
    Bonett and Wright (2000, Psychometrika 65, eq. 3), :math:`(1 + r^2 / 2) / (n - 3)`, which keeps
    its level for ranks; the usual :math:`1 / (n - 3)` does not.

    Args:
        first: one figure for each model.
        second: the other figure, in the same order.
        level: the interval's level.

    Raises:
        ValueError: the figures differ in number, or are not finite.
    """
    one, other = _checked_pairs(first, second)
    count = len(one)
    if count < 2 or len(set(one)) == 1 or len(set(other)) == 1:  # noqa: PLR2004 - nothing to rank
        return RankCorrelation(value=None, low=None, high=None, pairs=count, level=level)
    from scipy.special import ndtri
    from scipy.stats import rankdata

    # Rounding makes the correlation of equal orders exactly 1.
    value = round(float(np.corrcoef(rankdata(one), rankdata(other))[0, 1]), 12)
    if count < FEWEST_PAIRS:
        return RankCorrelation(value=value, low=None, high=None, pairs=count, level=level)
    # Fisher's z is infinite at -1 and 1, so the interval starts one swap of ranks inside.
    inside = min(abs(value), 1 - 6 / (count * (count**2 - 1)))
    center = math.copysign(math.atanh(inside), value)
    half = float(ndtri((1 + level) / 2)) * math.sqrt((1 + value**2 / 2) / (count - 3))
    return RankCorrelation(
        value=value,
        low=-1.0 if value == -1 else math.tanh(center - half),
        high=1.0 if value == 1 else math.tanh(center + half),
        pairs=count,
        level=level,
    )


def _checked_pairs(
    first: Sequence[float], second: Sequence[float]
) -> tuple[FloatArray, FloatArray]:
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1 or not np.isfinite([*one, *other]).all():
        msg = f"two lists of as many finite numbers are needed, not {first} and {second}"
        raise ValueError(msg)
    return one, other
