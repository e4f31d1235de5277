"""Measure win rates, (wins + ties / 2) / battles, with intervals clustered by question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

from evalharness.errors import BattlesError
from evalharness.stats.battles.comparisons import OUTCOME_POINTS
from evalharness.stats.battles.count_arrays import ensure_counts
from evalharness.stats.intervals.means import clustered_share_interval
from evalharness.stats.intervals.question_means import QuestionMeans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.stats.arrays import FloatArray, IntArray
    from evalharness.stats.battles.comparisons import Comparisons
    from evalharness.stats.battles.counts import BattleCounts

_SHARES = (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """A model's win rate: (wins + ties / 2) / battles.

    The interval is NaN if all battles are on one question. Weights affect the rate, not the counts.

    Attributes:
        model: the name of the model.
        opponent: the other model; None for all others.
        value: the win rate, from 0 to 1.
        standard_error: the standard error, clustered by question.
        low: the lower end of the interval.
        high: the upper end of the interval.
        wins: the number of wins.
        losses: the number of losses.
        ties: the number of ties.
        level: the interval's level.
        clusters: the number of questions.
    """

    model: str
    opponent: str | None
    value: float
    standard_error: float
    low: float
    high: float
    wins: int
    losses: int
    ties: int
    level: float
    clusters: int

    @property
    def battles(self) -> int:
        """The number of battles."""
        return self.wins + self.losses + self.ties


def measure_win_rates(
    battles: Comparisons | BattleCounts, baseline: str | None = None, *, level: float = 0.95
) -> tuple[WinRate, ...]:
    """Return each model's win rate against all others, or against the baseline.

    The rates are in the order of the models, without the baseline and without models that have no
    such battle.

    Args:
        battles: the battles, as arrays or counts.
        baseline: the only opponent; by default, all other models are opponents.
        level: the intervals' level.

    Raises:
        BattlesError: the baseline has no battle.
    """
    counts = ensure_counts(battles)
    opponent = None if baseline is None else find_model_index(counts.models, baseline)
    cells = _ModelCells.from_counts(counts)
    found = (
        _measure_win_rate(cells, place, opponent, level) for place in range(len(counts.models))
    )
    return tuple(rate for rate in found if rate is not None)


def measure_pair_win_rates(
    battles: Comparisons | BattleCounts, *, level: float = 0.95
) -> tuple[WinRate, ...]:
    """Return the win rate of the first model (in the order of `models`) of each pair that met.

    Args:
        battles: the battles, as arrays or counts.
        level: the intervals' level.
    """
    cells = _ModelCells.from_counts(ensure_counts(battles))
    size = len(cells.counts.models)
    pairs = ((model, other) for model in range(size) for other in range(model + 1, size))
    rates = (_measure_win_rate(cells, model, other, level) for model, other in pairs)
    return tuple(rate for rate in rates if rate is not None)


def build_win_rate_matrix(comparisons: Comparisons) -> FloatArray:
    """Return the win rates of models (rows) against others (columns); NaN if they never met."""
    size = len(comparisons.models)
    won, total = np.zeros((size, size)), np.zeros((size, size))
    sides = (comparisons.first, comparisons.second)
    np.add.at(won, sides, comparisons.weight * comparisons.points)
    np.add.at(won, sides[::-1], comparisons.weight * (1 - comparisons.points))
    np.add.at(total, sides, comparisons.weight)
    total += total.T
    unmet = np.full((size, size), np.nan)
    matrix: FloatArray = np.divide(won, total, out=unmet, where=total > 0)
    return matrix


def find_model_index(models: Sequence[str], model: str) -> int:
    """Return the number of a model.

    Args:
        models: the names of all models.
        model: the name of the model.

    Raises:
        BattlesError: the model is in no battle.
    """
    if model in models:
        return models.index(model)
    msg = f"{model!r} is in no battle; the models are {', '.join(models)}"
    raise BattlesError(msg)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ModelCells:
    """Counts, with the rows in which each model is the first or the second model."""

    counts: BattleCounts
    as_first: tuple[IntArray, ...]
    as_second: tuple[IntArray, ...]
    by_question: csc_array | None

    @classmethod
    def from_counts(cls, counts: BattleCounts) -> _ModelCells:
        size = len(counts.models)
        by_question = counts.by_question
        return cls(
            counts=counts,
            as_first=tuple(np.flatnonzero(counts.first == place) for place in range(size)),
            as_second=tuple(np.flatnonzero(counts.second == place) for place in range(size)),
            by_question=None if by_question is None else csc_array(by_question),
        )


def _measure_win_rate(
    cells: _ModelCells, model: int, opponent: int | None, level: float
) -> WinRate | None:
    counts = cells.counts
    first, second = cells.as_first[model], cells.as_second[model]
    if opponent is not None:
        first = first[counts.second[first] == opponent]
        second = second[counts.first[second] == opponent]
    number, weight = (
        table[first].sum(axis=0) + table[second, ::-1].sum(axis=0)
        for table in (counts.number, counts.weight)
    )
    if not number.any():
        return None
    share = float(weight @ OUTCOME_POINTS / weight.sum())
    questions, squares = _sum_questions(cells, first, second, share)
    clusters = round(float(questions.count.sum()))
    correction = clusters / (clusters - 1) if clusters > 1 else np.nan
    error = float(np.sqrt(correction * squares) / weight.sum())
    low, high = clustered_share_interval(share, error, clusters, level, questions)
    losses, ties, wins = (int(each) for each in number)
    return WinRate(
        model=counts.models[model],
        opponent=None if opponent is None else counts.models[opponent],
        value=share,
        standard_error=error,
        low=low,
        high=high,
        wins=wins,
        losses=losses,
        ties=ties,
        level=level,
        clusters=clusters,
    )


def _sum_questions(
    cells: _ModelCells, first: IntArray, second: IntArray, share: float
) -> tuple[QuestionMeans, float]:
    """Return a model's win rate on each cluster, and the sum of their squared residuals.

    Args:
        cells: the counts.
        first: the rows in which the model is the first.
        second: the rows in which it is the second.
        share: its win rate.
    """
    counts = cells.counts
    if cells.by_question is None:
        square, number, weight = (
            (table[first].sum(axis=0) + table[second, ::-1].sum(axis=0)).astype(np.float64)
            for table in (counts.square, counts.number, counts.weight)
        )
        average = np.divide(weight, number, out=np.zeros_like(weight), where=number > 0)
        questions = QuestionMeans.from_values(OUTCOME_POINTS, average, _SHARES, count=number)
        return questions, float(square @ (OUTCOME_POINTS - share) ** 2)
    outcomes = len(OUTCOME_POINTS)
    columns = np.concatenate([first, second])[:, None] * outcomes + np.arange(outcomes)
    points = np.concatenate(
        [np.tile(OUTCOME_POINTS, len(first)), np.tile(1 - OUTCOME_POINTS, len(second))]
    )
    by_question = cells.by_question[:, columns.ravel()]
    sums: FloatArray = by_question @ points
    weights: FloatArray = np.asarray(by_question.sum(axis=1), dtype=np.float64)
    met = weights > 0
    values: FloatArray = sums[met] / weights[met]
    questions = QuestionMeans.from_values(values, weights[met], _SHARES)
    return questions, float(np.sum((weights[met] * (values - share)) ** 2))
