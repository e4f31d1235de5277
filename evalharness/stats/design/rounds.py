"""An adaptive design round by round: units are handed out, their outcomes come back a round later.

While one round is in the air the next is chosen without it, so that whoever asks never waits. What
is handed out depends on the seed and on the outcomes told, and on nothing else: told the same again,
the rounds are the same again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.design.adaptive_pairs import (
    choose_next_pairs,
    estimate_adaptive_strengths,
    list_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from evalharness.stats.design.adaptive_pairs import AdaptiveEstimate

ROUND_SHARE = 0.01
"""Of all units that there are, a round's."""

SMALLEST_ROUND = 32
"""Units of a round, where there are so many: two rounds of them keep 128 calls in the air."""

ComparisonUnit = tuple[int, int]
"""A pair's number and a question's."""


class AdaptiveRounds:
    """What was handed out and what came back.

    Attributes:
        total: units that there are.
        most: units that may be handed out.
        size: units of a round.
    """

    def __init__(
        self,
        models: int,
        questions: int,
        seed: int,
        *,
        is_open: npt.NDArray[np.bool_] | None = None,
        most: int | None = None,
        alpha: float = 0.05,
    ) -> None:
        """Begin a design.

        Args:
            models: how many are compared.
            questions: on how many questions.
            seed: of the order of each pair's questions, drawn for itself, and of equal choices.
            is_open: which pairs may be compared; all where not given.
            most: how many units may be handed out; all where not given.
            alpha: the probability of ever deciding between two equals.
        """
        number = len(list_pairs(models)[0])
        is_open = np.ones(number, dtype=np.bool_) if is_open is None else is_open
        rng = np.random.default_rng(seed)
        everyone = np.tile(np.arange(questions), (number, 1))
        self._order = rng.permuted(everyone, axis=1)
        self._outcome = np.full((number, questions), np.nan)
        self._asked = np.zeros(number, dtype=np.int64)
        self._pending = np.zeros(number, dtype=np.int64)
        self._limit = np.where(is_open, questions, 0)
        self._models, self._alpha = models, alpha
        self.total = int(self._limit.sum())
        self.most = self.total if most is None else min(most, self.total)
        self.size = max(SMALLEST_ROUND, math.ceil(ROUND_SHARE * self.total))

    @property
    def handed_out(self) -> int:
        """How many units were handed out so far."""
        return int(self._asked.sum())

    def standing(self) -> AdaptiveEstimate:
        """Return what the outcomes told so far say of the models."""
        return estimate_adaptive_strengths(self._outcome, self._models, alpha=self._alpha)

    def next(self) -> list[ComparisonUnit]:
        """Return the units of the next round; none when no pair is open or no unit is left."""
        number = min(self.size, self.most - self.handed_out)
        chosen = choose_next_pairs(
            self.standing(), self._pending, self._limit - self._asked, number
        )
        units = []
        for pair in chosen:
            units.append((pair, int(self._order[pair, self._asked[pair]])))
            self._asked[pair] += 1
            self._pending[pair] += 1
        return units

    def tell(self, outcomes: Mapping[ComparisonUnit, float]) -> None:
        """Take note of units that are back: the first model's points, 0 to 1; NaN for none.

        Args:
            outcomes: by unit.
        """
        for (pair, question), points in outcomes.items():
            self._outcome[pair, question] = points
            self._pending[pair] -= 1
