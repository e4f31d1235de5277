"""Build contingency tables of votes by question, and bootstrap agreement statistics.

An agreement statistic is a function of one table, the sum over all questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.estimation.sandwich import sum_by_cluster
from evalharness.stats.intervals.estimates import critical_value
from evalharness.stats.intervals.means import clustered_proportion

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from evalharness.stats.agreement.paired_votes import PairedVotes
    from evalharness.stats.arrays import FloatArray, IntArray

    Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementEstimate:
    """An agreement statistic with the percentile interval of a bootstrap of the questions.

    The interval is wider where the share of equal votes of so few questions is less certain.

    Attributes:
        value: the statistic; NaN if it is not defined, because chance alone would always agree.
        standard_error: the standard deviation of the replicates.
        low: the lower end of the interval; NaN with a single question.
        high: the upper end of the interval.
        agreed: the number of pairs of equal votes.
        count: the number of all pairs. With more than two raters, both numbers count pairs of
            ratings of one unit, weighted so that a unit adds as many as it has ratings.
        clusters: the number of questions.
        level: the interval's level.
        replicates: the number of replicates in which the statistic is defined.
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
    """Return the categories, and a table of left by right votes for each question."""
    values = np.unique(np.concatenate([votes.left, votes.right]))
    cells = np.searchsorted(values, votes.left) * len(values)
    cells += np.searchsorted(values, votes.right)
    return values, _tables_by_question(np.eye(len(values) ** 2)[cells], votes.question)


def build_coincidence_tables(
    ratings: FloatArray, question: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the categories, and a coincidence table for each question (Krippendorff 2004).

    A unit of m ratings adds m(m-1) ordered pairs of ratings, each with weight 1/(m-1).

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
    """Return a statistic of the summed tables, without replicates in which it is not defined."""
    critical_value(level, 2)  # refuses a level outside 0..1
    number, size, _ = tables.shape
    # Sorted, so that the draws do not depend on the order of the votes.
    tables = tables[np.lexsort(tables.reshape(number, -1).T)]
    total: FloatArray = tables.sum(axis=0)
    drawn = rng.multinomial(number, np.full(number, 1 / number), size=replicates)
    sampled = (drawn @ tables.reshape(number, -1)).reshape(-1, size, size)
    replicated = statistic(sampled)
    defined = replicated[~np.isnan(replicated)]
    has_spread = number > 1 and len(defined) > 1
    low, high = np.nan, np.nan
    if has_spread:
        low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
        guards = _guard_statistic(tables, statistic, level)
        # Rounding moves no agreement above 1.
        low, high = np.fmin(low, guards[0]), min(np.fmax(high, guards[1]), 1.0)
    return AgreementEstimate(
        value=float(statistic(total)),
        standard_error=float(defined.std(ddof=1)) if has_spread else np.nan,
        low=float(low),
        high=float(high),
        agreed=float(np.trace(total)),
        count=float(total.sum()),
        clusters=number,
        level=level,
        replicates=len(defined),
    )


def _guard_statistic(tables: FloatArray, statistic: Statistic, level: float) -> FloatArray:
    """Return a statistic at both ends of the interval of the share of equal votes.

    A bootstrap of a few questions, or of questions that agree, shows too little of what may happen.
    The summed table is mixed with one of the same margins without equal votes, and with one of equal
    votes only, until its share of equal votes is at the ends of the interval.
    """
    weights = sum_tables(tables)
    held = weights > 0
    shares = observed_share(tables[held])
    agreed = clustered_proportion(shares, np.arange(len(shares)), weight=weights[held], level=level)
    total: FloatArray = tables.sum(axis=0) / weights.sum()
    rows, columns = total.sum(axis=1), total.sum(axis=0)
    apart = np.outer(rows, columns)
    np.fill_diagonal(apart, 0.0)
    apart /= max(float(apart.sum()), np.finfo(float).tiny)
    equal = np.diag((rows + columns) / 2)
    value, ends = agreed.value, []
    for bound, other, span in ((agreed.low, apart, value), (agreed.high, equal, 1 - value)):
        part = abs(bound - value) / span if span > 0 else 0.0
        ends.append((1 - part) * total + part * other)
    return statistic(np.array(ends))


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
    quotient: FloatArray = np.divide(
        parts, wholes, out=np.full(wholes.shape, np.nan), where=wholes > 0
    )
    return quotient
