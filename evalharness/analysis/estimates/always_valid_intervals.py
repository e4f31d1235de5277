"""Decide whether the design of a run depended on outcomes and needs always-valid intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import PairDesign
from evalharness.stats import choose_boundary_rho

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords


def choose_mixture(records: RunRecords, battles: Sequence[Battle], level: float) -> float | None:
    """Return the `rho` of always-valid intervals, or None if fixed-size intervals hold.

    Fixed-size intervals hold for every design that does not depend on outcomes, and for an adaptive
    design that compared all pairs on all questions in the end.
    """
    if records.config.judging.pairs is not PairDesign.ADAPTIVE:
        return None
    models = {model for battle in battles for model in (battle.model_a, battle.model_b)}
    compared = {(*sorted((each.model_a, each.model_b)), each.question_id) for each in battles}
    pairs = len(models) * (len(models) - 1) // 2
    questions = len(records.questions)
    if not models or len(compared) >= pairs * questions:
        return None
    return choose_boundary_rho(len(models), questions, 1 - level)
