"""Run an adaptive design in rounds: the outcomes of a round are recorded one round later.

While one round is in flight, the next is chosen without its outcomes, so that callers do not
wait. The units depend only on the seed and on the recorded outcomes, so equal outcomes give equal
rounds.
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
"""The minimum size of a round: two such rounds keep 128 calls in flight."""

ComparisonUnit = tuple[int, int]
"""The number of a pair and the number of a question."""


class AdaptiveRounds:
    """The issued units and the recorded outcomes of an adaptive design.

    Attributes:
        total: the number of units.
        max_units: the maximum number of issued units.
        round_size: the number of units of a round.
    """

    def __init__(
        self,
        models: int,
        questions: int,
        seed: int,
        *,
        is_open: BoolArray | None = None,
        max_units: int | None = None,
        alpha: float = 0.05,
    ) -> None:
        """Start a design.

        Args:
            models: the number of models.
            questions: the number of questions.
            seed: the seed of the order of questions, which is drawn for each pair.
            is_open: a mask of the pairs that may be compared; all by default.
            max_units: the maximum number of issued units; all by default.
            alpha: the probability of ever deciding between equals.
        """
        pairs = len(list_pairs(models)[0])
        is_open = np.ones(pairs, dtype=np.bool_) if is_open is None else is_open
        rng = np.random.default_rng(seed)
        self._order = rng.permuted(np.tile(np.arange(questions), (pairs, 1)), axis=1)
        self._outcome = np.full((pairs, questions), np.nan)
        self._issued = np.zeros(pairs, dtype=np.int64)
        self._pending = np.zeros(pairs, dtype=np.int64)
        self._available = np.where(is_open, questions, 0)
        self._models, self._alpha = models, alpha
        self.total = int(self._available.sum())
        self.max_units = self.total if max_units is None else min(max_units, self.total)
        self.round_size = max(SMALLEST_ROUND, math.ceil(ROUND_SHARE * self.total))

    @property
    def issued_units(self) -> int:
        """The number of units issued so far."""
        return int(self._issued.sum())

    def estimate(self) -> AdaptiveEstimate:
        """Return the strengths of the models, estimated from the outcomes recorded so far."""
        return estimate_adaptive_strengths(self._outcome, self._models, alpha=self._alpha)

    def choose_round(self) -> list[ComparisonUnit]:
        """Return the units of the next round; empty if no pair is open or no unit is left."""
        number = min(self.round_size, self.max_units - self.issued_units)
        remaining = self._available - self._issued
        chosen = choose_next_pairs(self.estimate(), self._pending, remaining, number)
        units = []
        for pair in chosen:
            units.append((pair, int(self._order[pair, self._issued[pair]])))
            self._issued[pair] += 1
            self._pending[pair] += 1
        return units

    def record_outcomes(self, outcomes: Mapping[ComparisonUnit, float]) -> None:
        """Record the outcomes of units: the first model's points, 0 to 1; NaN for no outcome.

        Args:
            outcomes: the outcome of each unit.
        """
        for (pair, question), points in outcomes.items():
            self._outcome[pair, question] = points
            self._pending[pair] -= 1
