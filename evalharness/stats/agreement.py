"""How far two judges, or many, agree - with and without what chance alone would give.

Every figure here depends on the votes through a table of categories that adds up over questions,
so one bootstrap of the questions gives all intervals: votes on one question depend on each other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.coincidences import (
    bootstrapped,
    coincidences,
    observed,
    ratio,
    summed,
    tables_of,
)
from evalharness.stats.comparisons import Outcome
from evalharness.stats.votes import PairedVotes

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.coincidences import Agreement
    from evalharness.stats.comparisons import FloatArray

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

    Args:
        votes: two votes on each of some things.
        rng: draws the replicates.
        ties: whether a tie is a vote.
        level: the interval's level.
        replicates: how many; those in which the figure has no meaning are left out.

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
    _, tables = tables_of(chosen)
    return bootstrapped(tables, observed, rng, level=level, replicates=replicates)


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

    Args:
        votes: two votes, or scores, on each of some things.
        rng: draws the replicates.
        disagreement: how distance counts.
        level: the interval's level.
        replicates: how many; those in which the figure has no meaning are left out.
    """
    values, tables = tables_of(votes)
    distance = np.abs(values[:, None] - values)
    cost = np.where(distance > 0, distance ** _POWERS[disagreement], 0.0)

    def kappa(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)[..., :, None] * table.sum(axis=-2)[..., None, :]
        total = table.sum(axis=(-1, -2))
        return 1 - ratio(total * summed(cost * table), summed(cost * margins))

    return bootstrapped(tables, kappa, rng, level=level, replicates=replicates)


def matthews_correlation(
    votes: PairedVotes,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    replicates: int = 1000,
) -> Agreement:
    """Return the correlation of two judges' categories (Matthews 1975; Gorodkin 2004 for many).

    Args:
        votes: two votes on each of some things.
        rng: draws the replicates.
        level: the interval's level.
        replicates: how many; those in which the figure has no meaning are left out.
    """
    _, tables = tables_of(votes)
    return bootstrapped(tables, _matthews, rng, level=level, replicates=replicates)


def fleiss_kappa(
    ratings: npt.ArrayLike,
    question: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    replicates: int = 1000,
) -> Agreement:
    """Return Fleiss' kappa (1971) of many raters (columns) who all rated every unit (rows).

    Args:
        ratings: a row a unit, a column a rater.
        question: each unit's question, as a number.
        rng: draws the replicates.
        level: the interval's level.
        replicates: how many; those in which the figure has no meaning are left out.

    Raises:
        BattlesError: a rating is missing (see `krippendorff_alpha`), or there is one rater.
    """
    given = np.asarray(ratings, dtype=np.float64)
    if np.any(np.isnan(given)):
        msg = "Fleiss' kappa needs every rater's rating of every unit: use Krippendorff's alpha"
        raise BattlesError(msg)
    _, tables = coincidences(given, question)

    def kappa(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)
        total = margins.sum(axis=-1)
        return 1 - ratio(1 - observed(table), 1 - ratio(np.sum(margins**2, axis=-1), total**2))

    return bootstrapped(tables, kappa, rng, level=level, replicates=replicates)


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

    Args:
        ratings: a row a unit, a column a rater.
        question: each unit's question, as a number.
        rng: draws the replicates.
        scale: what a difference between two ratings means.
        level: the interval's level.
        replicates: how many; those in which the figure has no meaning are left out.

    Raises:
        BattlesError: no unit has two ratings.
    """
    values, tables = coincidences(np.asarray(ratings, dtype=np.float64), question)

    def alpha(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)
        positions = _positions(scale, values, margins)
        cost = (positions[..., :, None] - positions[..., None, :]) ** 2
        if scale is Scale.NOMINAL:
            cost = 1 - np.eye(len(values))
        expected = summed(cost * margins[..., :, None] * margins[..., None, :])
        return 1 - ratio((margins.sum(axis=-1) - 1) * summed(cost * table), expected)

    return bootstrapped(tables, alpha, rng, level=level, replicates=replicates)


def _matthews(table: FloatArray) -> FloatArray:
    left, right = table.sum(axis=-1), table.sum(axis=-2)
    total = summed(table)
    together = total * np.trace(table, axis1=-2, axis2=-1) - np.sum(left * right, axis=-1)
    spread = (total**2 - np.sum(left**2, axis=-1)) * (total**2 - np.sum(right**2, axis=-1))
    return ratio(together, np.sqrt(spread))


def _positions(scale: Scale, values: FloatArray, margins: FloatArray) -> FloatArray:
    """Return where each category lies: at its value, or at the middle of its ranks."""
    if scale is Scale.ORDINAL:
        return np.cumsum(margins, axis=-1) - margins / 2
    return np.broadcast_to(values, margins.shape)
