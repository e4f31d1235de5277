"""Represent battles as checked arrays of models, outcomes, weights and questions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from evalharness.domain import Verdict, Winner
from evalharness.errors import BattlesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle
    from evalharness.stats.arrays import FloatArray, IntArray


class BattleOutcome(IntEnum):
    """The outcome of a battle, as twice the points of the first model."""

    SECOND_WON = 0
    TIE = 1
    FIRST_WON = 2


OUTCOME_BY_WINNER = {winner: BattleOutcome(round(2 * winner.points)) for winner in Winner}
OUTCOME_BY_VERDICT = {verdict: BattleOutcome(round(2 * verdict.points)) for verdict in Verdict}

OUTCOME_POINTS = np.array([0.0, 0.5, 1.0])
"""The first model's points by `BattleOutcome`: a loss 0, a tie 1/2, a win 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparisons:
    """Checked battles, made by `build_comparisons`; arrays have one entry for each battle.

    Attributes:
        models: the names of the models.
        first: each battle's first model, as an index into `models`.
        second: each battle's second model.
        outcome: each battle's `BattleOutcome`.
        weight: the weight of the battle, above 0.
        cluster: each battle's cluster, within which battles may depend on each other: its
            question, or the battle alone if questions are unknown.
        clustered_by: what a cluster is.
    """

    models: tuple[str, ...]
    first: IntArray
    second: IntArray
    outcome: IntArray
    weight: FloatArray
    cluster: IntArray
    clustered_by: Literal["question", "battle"]

    @property
    def points(self) -> FloatArray:
        """The first model's points: a win 1, a tie 1/2, a loss 0."""
        points: FloatArray = OUTCOME_POINTS[self.outcome]
        return points

    @property
    def clusters(self) -> int:
        """The number of questions, or of battles if each battle is a cluster."""
        if self.clustered_by == "battle":
            return len(self.first)
        return len(np.unique(self.cluster))

    @property
    def battles(self) -> IntArray:
        """The number of battles of each model."""
        return self.count_battles(np.ones(len(self.first), dtype=np.bool_))

    def count_battles(self, chosen: npt.NDArray[np.bool_]) -> IntArray:
        """Return the number of chosen battles of each model, in either position.

        Args:
            chosen: a mask of battles.
        """
        size = len(self.models)
        as_first = np.bincount(self.first[chosen], minlength=size)
        return as_first + np.bincount(self.second[chosen], minlength=size)

    def select(self, chosen: npt.NDArray[np.bool_] | IntArray) -> Comparisons:
        """Return the chosen battles, over the same models, in the order given.

        Args:
            chosen: the battles, as a mask or as indices.
        """
        return Comparisons(
            models=self.models,
            first=self.first[chosen],
            second=self.second[chosen],
            outcome=self.outcome[chosen],
            weight=self.weight[chosen],
            cluster=self.cluster[chosen],
            clustered_by=self.clustered_by,
        )


def build_comparisons(
    models: Sequence[str],
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    question: npt.ArrayLike | None = None,
) -> Comparisons:
    """Return battles as checked arrays, without battles of weight 0.

    Args:
        models: the models' names.
        first: each battle's first model, as an index into `models`.
        second: each battle's second model.
        outcome: each battle's `BattleOutcome`.
        weight: the weight of each battle; 1 by default.
        question: each battle's question, as a number; battles of one question are one cluster.

    Raises:
        BattlesError: there are no battles, or an entry is invalid.
    """
    number = len(np.asarray(first))
    weights = np.ones(number) if weight is None else np.asarray(weight, dtype=np.float64)
    clusters = np.arange(number) if question is None else np.asarray(question, dtype=np.int64)
    comparisons = Comparisons(
        models=tuple(models),
        first=np.asarray(first, dtype=np.int64),
        second=np.asarray(second, dtype=np.int64),
        outcome=np.asarray(outcome, dtype=np.int64),
        weight=weights,
        cluster=clusters,
        clustered_by="battle" if question is None else "question",
    )
    _check_comparisons(comparisons)
    kept = comparisons.select(weights > 0)
    if not kept.first.size:
        msg = "there are no battles to count: give at least one of positive weight"
        raise BattlesError(msg)
    return kept


def build_comparisons_from_battles(battles: Sequence[Battle]) -> Comparisons:
    """Return settled battles as arrays, clustered by question, with the models sorted by name.

    Args:
        battles: settled games, or votes; the weight of each is 1.

    Raises:
        BattlesError: there are no battles, or a battle has one model on both sides.
    """
    models = sorted({model for battle in battles for model in (battle.model_a, battle.model_b)})
    place = {model: number for number, model in enumerate(models)}
    # Sorted, so that random draws for questions do not depend on the order of the battles.
    ids = sorted({battle.question_id for battle in battles})
    questions = {question_id: number for number, question_id in enumerate(ids)}
    return build_comparisons(
        models,
        [place[battle.model_a] for battle in battles],
        [place[battle.model_b] for battle in battles],
        [OUTCOME_BY_WINNER[battle.winner] for battle in battles],
        question=[questions[battle.question_id] for battle in battles],
    )


def _check_comparisons(given: Comparisons) -> None:
    number, size = len(given.first), len(given.models)
    arrays = (given.second, given.outcome, given.weight, given.cluster)
    if any(array.shape != (number,) for array in arrays):
        lengths = sorted({array.size for array in arrays} | {number})
        msg = f"the arrays of the battles have different lengths: {lengths}"
        raise BattlesError(msg)
    if len(set(given.models)) != size:
        msg = "two models have the same name"
        raise BattlesError(msg)
    if not np.all(np.isfinite(given.weight)) or np.any(given.weight < 0):
        place = int(np.flatnonzero(~(np.isfinite(given.weight) & (given.weight >= 0)))[0])
        msg = f"battle {place} has weight {given.weight[place]}: weights are numbers from 0 up"
        raise BattlesError(msg)
    if np.any(~np.isin(given.outcome, list(BattleOutcome))):
        msg = (
            f"outcomes are {[int(outcome) for outcome in BattleOutcome]}, twice the first's points"
        )
        raise BattlesError(msg)
    players = np.concatenate([given.first, given.second])
    if np.any((players < 0) | (players >= size)):
        msg = f"a battle names a model outside 0..{size - 1}"
        raise BattlesError(msg)
    same = np.flatnonzero(given.first == given.second)
    if same.size:
        msg = f"battle {same[0]} sets {given.models[given.first[same[0]]]} against itself"
        raise BattlesError(msg)
