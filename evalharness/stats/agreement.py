"""How far two judges, or many, agree - with and without what chance alone would give.

Every figure here depends on the votes through a table of categories that adds up over questions,
so one bootstrap of the questions gives all intervals: votes on one question depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.comparisons import Outcome
from evalharness.stats.ratings import critical_value
from evalharness.stats.sandwich import cluster_sums
from evalharness.stats.votes import PairedVotes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from evalharness.stats.comparisons import FloatArray, IntArray

    Statistic = Callable[[FloatArray], FloatArray]

CHANCE_WITH_TIES = 1 / 3
"""Agreement of votes drawn at random from win, tie, loss."""

CHANCE_DECIDED = 1 / 2
"""Agreement of votes drawn at random from win and loss."""


class Scale(StrEnum):
    """What a difference between two categories means: any, one of order, or one of size."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class Disagreement(StrEnum):
    """How bad a disagreement is: all alike, by distance, or by squared distance."""

    EQUAL = "equal"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


_POWERS = {Disagreement.EQUAL: 0, Disagreement.LINEAR: 1, Disagreement.QUADRATIC: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A measure of agreement with the percentile interval of a bootstrap of the questions.

    `agreed` and `count` are pairs of equal votes and all pairs; for many raters, both count the
    pairs of ratings of one unit, each unit adding as many as it has ratings. The value is NaN
    where a coefficient has no meaning (chance alone would always agree), the interval with a
    single question.
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


def agreement(
    votes: PairedVotes,
    rng: np.random.Generator,
    *,
    ties: bool = True,
    level: float = 0.95,
    replicates: int = 1000,
) -> Agreement:
    """Return the share of equal votes on battles.

    With ties, a tie is a vote as any other (setup 1 of Zheng et al. 2023, arXiv:2306.05685);
    without, only pairs of votes count of which neither is a tie (setup 2): `CHANCE_WITH_TIES` and
    `CHANCE_DECIDED` are what chance alone gives.

    Raises:
        BattlesError: every pair of votes has a tie, and ties are left out.
    """
    chosen = votes
    if not ties:
        decided = (votes.left != Outcome.TIE) & (votes.right != Outcome.TIE)
        if not decided.any():
            msg = "every pair of votes has a tie, so none are left without ties"
            raise BattlesError(msg)
        chosen = PairedVotes(
            left=votes.left[decided],
            right=votes.right[decided],
            question=votes.question[decided],
        )
    _, tables = _tables(chosen)
    return _bootstrap(tables, _observed, rng, level=level, replicates=replicates)


def cohen_kappa(
    votes: PairedVotes,
    rng: np.random.Generator,
    *,
    disagreement: Disagreement = Disagreement.EQUAL,
    level: float = 0.95,
    replicates: int = 1000,
) -> Agreement:
    """Return Cohen's kappa (1960; weighted 1968): agreement beyond what the margins give.

    For votes, a tie lies half way between a win and a loss; for scores, distance is theirs.
    """
    values, tables = _tables(votes)
    distance = np.abs(values[:, None] - values)
    cost = np.where(distance > 0, distance ** _POWERS[disagreement], 0.0)

    def kappa(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)[..., :, None] * table.sum(axis=-2)[..., None, :]
        total = table.sum(axis=(-1, -2))
        return 1 - _ratio(total * _sum(cost * table), _sum(cost * margins))

    return _bootstrap(tables, kappa, rng, level=level, replicates=replicates)


def matthews_correlation(
    votes: PairedVotes,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    replicates: int = 1000,
) -> Agreement:
    """Return the correlation of two judges' categories (Matthews 1975; Gorodkin 2004 for many)."""
    _, tables = _tables(votes)
    return _bootstrap(tables, _matthews, rng, level=level, replicates=replicates)


def fleiss_kappa(
    ratings: npt.ArrayLike,
    question: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    replicates: int = 1000,
) -> Agreement:
    """Return Fleiss' kappa (1971) of many raters (columns) who all rated every unit (rows).

    Raises:
        BattlesError: a rating is missing (see `krippendorff_alpha`), or there is one rater.
    """
    given = np.asarray(ratings, dtype=np.float64)
    if np.any(np.isnan(given)):
        msg = "Fleiss' kappa needs every rater's rating of every unit: use Krippendorff's alpha"
        raise BattlesError(msg)
    _, tables = _coincidences(given, question)

    def kappa(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)
        total = margins.sum(axis=-1)
        return 1 - _ratio(1 - _observed(table), 1 - _ratio(np.sum(margins**2, axis=-1), total**2))

    return _bootstrap(tables, kappa, rng, level=level, replicates=replicates)


def krippendorff_alpha(
    ratings: npt.ArrayLike,
    question: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    scale: Scale = Scale.NOMINAL,
    level: float = 0.95,
    replicates: int = 1000,
) -> Agreement:
    """Return Krippendorff's alpha (2004) of many raters (columns); missing ratings are NaN.

    Units (rows) with fewer than two ratings say nothing and are left out.

    Raises:
        BattlesError: no unit has two ratings.
    """
    values, tables = _coincidences(np.asarray(ratings, dtype=np.float64), question)

    def alpha(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)
        positions = _positions(scale, values, margins)
        cost = (positions[..., :, None] - positions[..., None, :]) ** 2
        if scale is Scale.NOMINAL:
            cost = 1 - np.eye(len(values))
        expected = _sum(cost * margins[..., :, None] * margins[..., None, :])
        return 1 - _ratio((margins.sum(axis=-1) - 1) * _sum(cost * table), expected)

    return _bootstrap(tables, alpha, rng, level=level, replicates=replicates)


def _tables(votes: PairedVotes) -> tuple[FloatArray, FloatArray]:
    """Return the categories, and each question's table of left by right votes."""
    values = np.unique(np.concatenate([votes.left, votes.right]))
    cells = np.searchsorted(values, votes.left) * len(values)
    cells += np.searchsorted(values, votes.right)
    return values, _summed(np.eye(len(values) ** 2)[cells], votes.question)


def _coincidences(ratings: FloatArray, question: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the categories, and each question's pairs of ratings within a unit.

    A unit of m ratings adds m(m-1) ordered pairs, each divided by m-1.
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
    return values, _summed(rows, np.asarray(question)[rated])


def _summed(rows: FloatArray, question: IntArray) -> FloatArray:
    size = round(rows.shape[1] ** 0.5)
    return cluster_sums(rows, question).reshape(-1, size, size)


def _bootstrap(
    tables: FloatArray,
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    level: float,
    replicates: int,
) -> Agreement:
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
    return Agreement(
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


def _observed(table: FloatArray) -> FloatArray:
    return _ratio(np.trace(table, axis1=-2, axis2=-1), _sum(table))


def _matthews(table: FloatArray) -> FloatArray:
    left, right = table.sum(axis=-1), table.sum(axis=-2)
    total = _sum(table)
    together = total * np.trace(table, axis1=-2, axis2=-1) - np.sum(left * right, axis=-1)
    spread = (total**2 - np.sum(left**2, axis=-1)) * (total**2 - np.sum(right**2, axis=-1))
    return _ratio(together, np.sqrt(spread))


def _positions(scale: Scale, values: FloatArray, margins: FloatArray) -> FloatArray:
    """Return where each category lies: at its value, or at the middle of its ranks."""
    if scale is Scale.ORDINAL:
        return np.cumsum(margins, axis=-1) - margins / 2
    return np.broadcast_to(values, margins.shape)


def _sum(table: FloatArray) -> FloatArray:
    total: FloatArray = np.sum(table, axis=(-1, -2))
    return total


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return the ratio, NaN where the whole is zero."""
    parts, wholes = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    ratio: FloatArray = np.divide(
        parts, wholes, out=np.full(wholes.shape, np.nan), where=wholes > 0
    )
    return ratio
