"""Tables of the categories that two votes fall into, by question, and what a bootstrap says of them.

A figure of agreement is a statistic of one table, the sum over all questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.estimation.sandwich import sum_by_cluster
from evalharness.stats.intervals.estimates import critical_value

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from evalharness.stats.agreement.paired_votes import PairedVotes
    from evalharness.stats.arrays import FloatArray, IntArray

    Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementEstimate:
    """A measure of agreement with the percentile interval of a bootstrap of the questions.

    Attributes:
        value: NaN where a coefficient has no meaning: chance alone would always agree.
        standard_error: the spread of the replicates.
        low: lower end of the interval; NaN with a single question.
        high: upper end of the interval.
        agreed: pairs of equal votes.
        count: all pairs; for many raters, both count the pairs of ratings of one unit, each unit
            adding as many as it has ratings.
        clusters: how many questions it rests on.
        level: the interval's level.
        replicates: those in which the measure has a meaning.
    """

    value: float
    standard_error: float
    low: float
    high: float
    agreed: float
    count: float
    clusters: int
    level: float
    replicates: int


def build_contingency_tables(votes: PairedVotes) -> tuple[FloatArray, FloatArray]:
    """Return the categories, and each question's table of left by right votes."""
    values = np.unique(np.concatenate([votes.left, votes.right]))
    cells = np.searchsorted(values, votes.left) * len(values)
    cells += np.searchsorted(values, votes.right)
    return values, _tables_by_question(np.eye(len(values) ** 2)[cells], votes.question)


def build_coincidence_tables(
    ratings: FloatArray, question: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the categories, and each question's pairs of ratings within a unit.

    A unit of m ratings adds m(m-1) ordered pairs, each divided by m-1.

    Raises:
        BattlesError: no unit has two ratings.
    """
    number = np.sum(~np.isnan(ratings), axis=1)
    rated = number > 1
    if not rated.any():
        msg = "agreement needs units with two ratings at least"
        raise BattlesError(msg)
    pairable, raters = ratings[rated], number[rated].astype(np.float64)
    values = np.unique(pairable[~np.isnan(pairable)])
    counts: FloatArray = np.sum(pairable[:, :, None] == values, axis=1, dtype=np.float64)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(values))
    rows = (pairs / (raters - 1)[:, None, None]).reshape(len(pairs), -1)
    return values, _tables_by_question(rows, np.asarray(question)[rated])


def _tables_by_question(rows: FloatArray, question: IntArray) -> FloatArray:
    size = round(rows.shape[1] ** 0.5)
    return sum_by_cluster(rows, question).reshape(-1, size, size)


def bootstrap_agreement(
    tables: FloatArray,
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    level: float,
    replicates: int,
) -> AgreementEstimate:
    """Return a statistic of the summed tables; resamples where it has no meaning are left out."""
    critical_value(level, 2)  # refuses a level outside 0..1
    number, size, _ = tables.shape
    total: FloatArray = tables.sum(axis=0)
    drawn = rng.multinomial(number, np.full(number, 1 / number), size=replicates)
    sampled = (drawn @ tables.reshape(number, -1)).reshape(-1, size, size)
    replicated = statistic(sampled)
    found = replicated[~np.isnan(replicated)]
    enough = number > 1 and len(found) > 1
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]) if enough else (np.nan,) * 2
    return AgreementEstimate(
        value=float(statistic(total)),
        standard_error=float(found.std(ddof=1)) if enough else np.nan,
        low=float(low),
        high=float(high),
        agreed=float(np.trace(total)),
        count=float(total.sum()),
        clusters=number,
        level=level,
        replicates=len(found),
    )


def observed_share(table: FloatArray) -> FloatArray:
    """Return the share of equal votes in each table."""
    return divide_or_nan(np.trace(table, axis1=-2, axis2=-1), sum_tables(table))


def sum_tables(table: FloatArray) -> FloatArray:
    """Return the sum of each table."""
    total: FloatArray = np.sum(table, axis=(-1, -2))
    return total


def divide_or_nan(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return the ratio, NaN where the whole is zero."""
    parts, wholes = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    found: FloatArray = np.divide(
        parts, wholes, out=np.full(wholes.shape, np.nan), where=wholes > 0
    )
    return found
