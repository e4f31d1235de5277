"""Measure the agreement of judges: observed agreement and coefficients corrected for chance.

Every statistic is a function of a table of categories, which is a sum over questions. Votes on one
question depend on each other, so intervals come from a bootstrap of the questions.
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
"""The agreement of votes drawn at random from win, tie and loss."""

CHANCE_DECIDED = 1 / 2
"""The agreement of votes drawn at random from win and loss."""


class MeasurementScale(StrEnum):
    """The level of measurement of categories: names, ordered names, or numbers."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class DisagreementWeight(StrEnum):
    """The weight of a disagreement in Cohen's kappa: equal, by distance, or by squared distance."""

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

    With ties, a tie is a vote like any other (setup 1 of Zheng et al. 2023, arXiv:2306.05685).
    Without ties, only pairs in which neither vote is a tie are counted (setup 2). By chance alone
    the agreement is `CHANCE_WITH_TIES` or `CHANCE_DECIDED`.

    Args:
        votes: pairs of votes.
        rng: draws the replicates.
        ties: whether to count pairs with a tie.
        level: the interval's level.
        replicates: the number of replicates; those without a defined statistic are left out.

    Raises:
        BattlesError: ties are not counted, and every pair of votes has a tie.
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
    """Return Cohen's kappa (1960; weighted 1968): agreement beyond that of independent judges.

    The distance of votes puts a tie halfway between a win and a loss; that of scores is their
    difference.

    Args:
        votes: pairs of votes, or of scores.
        rng: draws the replicates.
        disagreement: the weight of a disagreement.
        level: the interval's level.
        replicates: the number of replicates; those without a defined statistic are left out.
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
    """Return Matthews' correlation of two judges' votes (1975; Gorodkin 2004 for many categories).

    Args:
        votes: pairs of votes.
        rng: draws the replicates.
        level: the interval's level.
        replicates: the number of replicates; those without a defined statistic are left out.
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
    """Return Fleiss' kappa (1971) of raters (columns) who all rated every unit (rows).

    Args:
        ratings: a row for each unit, a column for each rater.
        question: each unit's question, as a number.
        rng: draws the replicates.
        level: the interval's level.
        replicates: the number of replicates; those without a defined statistic are left out.

    Raises:
        BattlesError: a rating is missing (use `krippendorff_alpha`), or there is one rater.
    """
    values = np.asarray(ratings, dtype=np.float64)
    if np.any(np.isnan(values)):
        msg = "Fleiss' kappa needs every rater's rating of every unit: use Krippendorff's alpha"
        raise BattlesError(msg)
    _, tables = build_coincidence_tables(values, question)

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
    """Return Krippendorff's alpha (2004) of several raters (columns); missing ratings are NaN.

    Units (rows) with fewer than two ratings are left out.

    Args:
        ratings: a row for each unit, a column for each rater.
        question: each unit's question, as a number.
        rng: draws the replicates.
        scale: the level of measurement of the ratings.
        level: the interval's level.
        replicates: the number of replicates; those without a defined statistic are left out.

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
    """Return the position of each category: its value, or the middle of its ranks."""
    if scale is MeasurementScale.ORDINAL:
        return np.cumsum(margins, axis=-1) - margins / 2
    return np.broadcast_to(values, margins.shape)
