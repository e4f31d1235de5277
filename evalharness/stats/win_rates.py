"""Win rates: (wins + ties / 2) / battles, with intervals clustered by question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.stats.comparisons import Outcome
from evalharness.stats.differences import difference_of
from evalharness.stats.means import clustered_proportion

if TYPE_CHECKING:
    import numpy.typing as npt

    from evalharness.stats.comparisons import Comparisons, FloatArray
    from evalharness.stats.differences import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """A model's win rate; `opponent` is None when it is against all others.

    The interval is NaN when all battles are on one question. Weights enter the rate, not the
    counts.
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
        """How many battles the rate rests on."""
        return self.wins + self.losses + self.ties


def win_rates(
    comparisons: Comparisons, baseline: str | None = None, *, level: float = 0.95
) -> tuple[WinRate, ...]:
    """Return each model's win rate against all others, or against the baseline.

    In the order of the models; those that fought no such battle (and the baseline) are left out.

    Raises:
        BattlesError: the baseline fought no battle.
    """
    opponent = None if baseline is None else _place(comparisons, baseline)
    found = []
    for place in range(len(comparisons.models)):
        rate = _win_rate(comparisons, place, opponent, level)
        if rate is not None:
            found.append(rate)
    return tuple(found)


def pair_win_rates(comparisons: Comparisons, *, level: float = 0.95) -> tuple[WinRate, ...]:
    """Return the win rate of each pair that met, once, the model earlier in `models` first."""
    size = len(comparisons.models)
    pairs = ((model, other) for model in range(size) for other in range(model + 1, size))
    rates = (_win_rate(comparisons, model, other, level) for model, other in pairs)
    return tuple(rate for rate in rates if rate is not None)


def win_rate_difference(
    comparisons: Comparisons, model: str, other: str, *, level: float = 0.95
) -> Difference:
    """Return how much higher a model's win rate against all others is than another's.

    Both meet the same questions, so each question's influence on one is taken with that on the
    other.

    Raises:
        BattlesError: one of them fought no battle.
    """
    rates, influences = [], np.zeros(comparisons.clusters)
    cluster = np.unique(comparisons.cluster, return_inverse=True)[1]
    for sign, name in ((1.0, model), (-1.0, other)):
        place = _place(comparisons, name)
        first, second = comparisons.first == place, comparisons.second == place
        weight = comparisons.weight * (first | second)
        if not weight.any():
            msg = f"{name} fought no battle"
            raise BattlesError(msg)
        points = np.where(first, comparisons.points, 1 - comparisons.points)
        rate = float(weight @ points / weight.sum())
        rates.append(rate)
        influences += sign * np.bincount(cluster, weight * (points - rate)) / weight.sum()
    number = comparisons.clusters
    correction = number / (number - 1) if number > 1 else np.nan
    error = float(np.sqrt(correction * (influences @ influences)))
    return difference_of(rates[0] - rates[1], error, number, level=level)


def pair_matrix(comparisons: Comparisons) -> FloatArray:
    """Return the win rate of each model (row) against each other; NaN where they never met."""
    size = len(comparisons.models)
    won, fought = np.zeros((size, size)), np.zeros((size, size))
    sides = (comparisons.first, comparisons.second)
    np.add.at(won, sides, comparisons.weight * comparisons.points)
    np.add.at(won, sides[::-1], comparisons.weight * (1 - comparisons.points))
    np.add.at(fought, sides, comparisons.weight)
    fought += fought.T
    unmet = np.full((size, size), np.nan)
    matrix: FloatArray = np.divide(won, fought, out=unmet, where=fought > 0)
    return matrix


def _place(comparisons: Comparisons, model: str) -> int:
    if model in comparisons.models:
        return comparisons.models.index(model)
    msg = f"{model!r} is in no battle; the models are {', '.join(comparisons.models)}"
    raise BattlesError(msg)


def _win_rate(
    comparisons: Comparisons, model: int, opponent: int | None, level: float
) -> WinRate | None:
    as_first = (comparisons.first == model) & _is(comparisons.second, opponent)
    as_second = (comparisons.second == model) & _is(comparisons.first, opponent)
    chosen = as_first | as_second
    if not chosen.any():
        return None
    outcome = np.where(as_first, comparisons.outcome, 2 - comparisons.outcome)[chosen]
    rate = clustered_proportion(
        outcome / 2, comparisons.cluster[chosen], weight=comparisons.weight[chosen], level=level
    )
    wins, losses, ties = (
        int(np.sum(outcome == kind))
        for kind in (Outcome.FIRST_WON, Outcome.SECOND_WON, Outcome.TIE)
    )
    return WinRate(
        model=comparisons.models[model],
        opponent=None if opponent is None else comparisons.models[opponent],
        value=rate.value,
        standard_error=rate.standard_error,
        low=rate.low,
        high=rate.high,
        wins=wins,
        losses=losses,
        ties=ties,
        level=level,
        clusters=rate.clusters,
    )


def _is(players: npt.NDArray[np.int64], opponent: int | None) -> npt.NDArray[np.bool_]:
    return np.ones(len(players), dtype=np.bool_) if opponent is None else players == opponent
