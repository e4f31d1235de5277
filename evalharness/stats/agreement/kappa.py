"""How far two judges, or many, agree - with and without what chance alone would give.

Every figure here depends on the votes through a table of categories that adds up over questions,
so one bootstrap of the questions gives all intervals: votes on one question depend on each other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.agreement.contingency import (
    bootstrap_agreement,
    build_coincidence_tables,
    build_contingency_tables,
    divide_or_nan,
    observed_share,
    sum_tables,
)
from evalharness.stats.agreement.paired_votes import PairedVotes
from evalharness.stats.battles.comparisons import BattleOutcome

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.agreement.contingency import AgreementEstimate
    from evalharness.stats.arrays import FloatArray

CHANCE_WITH_TIES = 1 / 3
"""Agreement of votes drawn at random from win, tie, loss."""

CHANCE_DECIDED = 1 / 2
"""Agreement of votes drawn at random from win and loss."""


class MeasurementScale(StrEnum):
    """What a difference between two categories means: any, one of order, or one of size."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class DisagreementWeight(StrEnum):
    """How bad a disagreement is: all alike, by distance, or by squared distance."""

    EQUAL = "equal"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


_DISTANCE_POWERS = {
    DisagreementWeight.EQUAL: 0,
    DisagreementWeight.LINEAR: 1,
    DisagreementWeight.QUADRATIC: 2,
}


def observed_agreement(
    votes: PairedVotes,
    rng: np.random.Generator,
    *,
    ties: bool = True,
    level: float = 0.95,
    replicates: int = 1000,
) -> AgreementEstimate:
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
        decided = (votes.left != BattleOutcome.TIE) & (votes.right != BattleOutcome.TIE)
        if not decided.any():
            msg = "every pair of votes has a tie, so none are left without ties"
            raise BattlesError(msg)
        chosen = PairedVotes(
            left=votes.left[decided],
            right=votes.right[decided],
            question=votes.question[decided],
        )
    _, tables = build_contingency_tables(chosen)
    return bootstrap_agreement(tables, observed_share, rng, level=level, replicates=replicates)


def cohen_kappa(
    votes: PairedVotes,
    rng: np.random.Generator,
    *,
    disagreement: DisagreementWeight = DisagreementWeight.EQUAL,
    level: float = 0.95,
    replicates: int = 1000,
) -> AgreementEstimate:
    """Return Cohen's kappa (1960; weighted 1968): agreement beyond what the margins give.

    For votes, a tie lies half way between a win and a loss; for scores, distance is theirs.

    Args:
        votes: two votes, or scores, on each of some things.
        rng: draws the replicates.
        disagreement: how distance counts.
        level: the interval's level.
        replicates: how many; those in which the figure has no meaning are left out.
    """
    values, tables = build_contingency_tables(votes)
    distance = np.abs(values[:, None] - values)
    cost = np.where(distance > 0, distance ** _DISTANCE_POWERS[disagreement], 0.0)

    def kappa(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)[..., :, None] * table.sum(axis=-2)[..., None, :]
        total = table.sum(axis=(-1, -2))
        return 1 - divide_or_nan(total * sum_tables(cost * table), sum_tables(cost * margins))

    return bootstrap_agreement(tables, kappa, rng, level=level, replicates=replicates)


def matthews_correlation(
    votes: PairedVotes,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    replicates: int = 1000,
) -> AgreementEstimate:
    """Return the correlation of two judges' categories (Matthews 1975; Gorodkin 2004 for many).

    Args:
        votes: two votes on each of some things.
        rng: draws the replicates.
        level: the interval's level.
        replicates: how many; those in which the figure has no meaning are left out.
    """
    _, tables = build_contingency_tables(votes)
    return bootstrap_agreement(
        tables, _matthews_coefficient, rng, level=level, replicates=replicates
    )


def fleiss_kappa(
    ratings: npt.ArrayLike,
    question: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    replicates: int = 1000,
) -> AgreementEstimate:
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
    _, tables = build_coincidence_tables(given, question)

    def kappa(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)
        total = margins.sum(axis=-1)
        return 1 - divide_or_nan(
            1 - observed_share(table), 1 - divide_or_nan(np.sum(margins**2, axis=-1), total**2)
        )

    return bootstrap_agreement(tables, kappa, rng, level=level, replicates=replicates)


def krippendorff_alpha(
    ratings: npt.ArrayLike,
    question: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    scale: MeasurementScale = MeasurementScale.NOMINAL,
    level: float = 0.95,
    replicates: int = 1000,
) -> AgreementEstimate:
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
    values, tables = build_coincidence_tables(np.asarray(ratings, dtype=np.float64), question)

    def alpha(table: FloatArray) -> FloatArray:
        margins = table.sum(axis=-1)
        positions = _category_positions(scale, values, margins)
        cost = (positions[..., :, None] - positions[..., None, :]) ** 2
        if scale is MeasurementScale.NOMINAL:
            cost = 1 - np.eye(len(values))
        expected = sum_tables(cost * margins[..., :, None] * margins[..., None, :])
        return 1 - divide_or_nan((margins.sum(axis=-1) - 1) * sum_tables(cost * table), expected)

    return bootstrap_agreement(tables, alpha, rng, level=level, replicates=replicates)


def _matthews_coefficient(table: FloatArray) -> FloatArray:
    left, right = table.sum(axis=-1), table.sum(axis=-2)
    total = sum_tables(table)
    together = total * np.trace(table, axis1=-2, axis2=-1) - np.sum(left * right, axis=-1)
    spread = (total**2 - np.sum(left**2, axis=-1)) * (total**2 - np.sum(right**2, axis=-1))
    return divide_or_nan(together, np.sqrt(spread))


def _category_positions(
    scale: MeasurementScale, values: FloatArray, margins: FloatArray
) -> FloatArray:
    """Return where each category lies: at its value, or at the middle of its ranks."""
    if scale is MeasurementScale.ORDINAL:
        return np.cumsum(margins, axis=-1) - margins / 2
    return np.broadcast_to(values, margins.shape)
