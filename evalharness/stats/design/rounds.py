"""An adaptive design in rounds: units are handed out, and their outcomes come back a round later.

While one round is in flight, the next is chosen without its outcomes, so that no caller has to
wait. The units depend only on the seed and on the recorded outcomes: the same outcomes give the
same rounds.
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

    from evalharness.stats.arrays import BoolArray
    from evalharness.stats.design.adaptive_pairs import AdaptiveEstimate

ROUND_SHARE = 0.01
"""The size of a round as a share of all units."""

SMALLEST_ROUND = 32
"""The least units of a round: two rounds of them keep 128 calls in flight."""

ComparisonUnit = tuple[int, int]
"""The number of a pair and the number of a question."""


class AdaptiveRounds:
    """The units that were handed out, and the outcomes that came back.

    Attributes:
        total: the number of units.
        most: the number of units that may be handed out.
        size: the number of units of a round.
    """

    def __init__(
        self,
        models: int,
        questions: int,
        seed: int,
        *,
        is_open: BoolArray | None = None,
        most: int | None = None,
        alpha: float = 0.05,
    ) -> None:
        """Begin a design.

        Args:
            models: the number of models.
            questions: the number of questions.
            seed: of the order of questions, which is drawn for each pair.
            is_open: which pairs may be compared; all by default.
            most: how many units may be handed out; all by default.
            alpha: the probability of ever deciding between two equals.
        """
        pairs = len(list_pairs(models)[0])
        is_open = np.ones(pairs, dtype=np.bool_) if is_open is None else is_open
        rng = np.random.default_rng(seed)
        self._order = rng.permuted(np.tile(np.arange(questions), (pairs, 1)), axis=1)
        self._outcome = np.full((pairs, questions), np.nan)
        self._handed_out = np.zeros(pairs, dtype=np.int64)
        self._pending = np.zeros(pairs, dtype=np.int64)
        self._available = np.where(is_open, questions, 0)
        self._models, self._alpha = models, alpha
        self.total = int(self._available.sum())
        self.most = self.total if most is None else min(most, self.total)
        self.size = max(SMALLEST_ROUND, math.ceil(ROUND_SHARE * self.total))

    @property
    def handed_out(self) -> int:
        """The number of units handed out so far."""
        return int(self._handed_out.sum())

    def estimate(self) -> AdaptiveEstimate:
        """Return the strengths of the models by the outcomes recorded so far."""
        return estimate_adaptive_strengths(self._outcome, self._models, alpha=self._alpha)

    def choose_round(self) -> list[ComparisonUnit]:
        """Return the units of the next round; none when no pair is open or no unit is left."""
        number = min(self.size, self.most - self.handed_out)
        remaining = self._available - self._handed_out
        chosen = choose_next_pairs(self.estimate(), self._pending, remaining, number)
        units = []
        for pair in chosen:
            units.append((pair, int(self._order[pair, self._handed_out[pair]])))
            self._handed_out[pair] += 1
            self._pending[pair] += 1
        return units

    def record_outcomes(self, outcomes: Mapping[ComparisonUnit, float]) -> None:
        """Record the outcomes of units: the first model's points, 0 to 1; NaN for no outcome.

        Args:
            outcomes: by unit.
        """
        for (pair, question), points in outcomes.items():
            self._outcome[pair, question] = points
            self._pending[pair] -= 1
