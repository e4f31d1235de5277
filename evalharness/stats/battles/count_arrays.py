"""Count battles given as arrays with one entry for each battle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.stats.battles.counts import BattleCounts
from evalharness.stats.battles.tally import BattleTally

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from evalharness.stats.battles.comparisons import Comparisons


def count_comparisons(
    models: Sequence[str],
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    question: npt.ArrayLike | None = None,
) -> BattleCounts:
    """Return the counts of battles by cell, in one pass that does not copy the arrays.

    Args:
        models: the models' names.
        first: each battle's first model, as an index into `models`; integers of any width.
        second: each battle's second model.
        outcome: each battle's `BattleOutcome`.
        weight: the weight of each battle; 1 by default. Battles of weight 0 are left out.
        question: each battle's question, as a number from 0; battles of one question are one
            cluster.

    Raises:
        BattlesError: there are no battles, or an entry is invalid.
    """
    tally = BattleTally()
    tally.add(first, second, outcome, weight=weight, question=question)
    return tally.counts(models)


def ensure_counts(battles: Comparisons | BattleCounts) -> BattleCounts:
    """Return battles as counts; counts are returned unchanged."""
    if isinstance(battles, BattleCounts):
        return battles
    question = None
    if battles.clustered_by == "question":
        question = np.unique(battles.cluster, return_inverse=True)[1]
    return count_comparisons(
        battles.models,
        battles.first,
        battles.second,
        battles.outcome,
        weight=battles.weight,
        question=question,
    )
