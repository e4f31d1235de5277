"""Whether a run's design depended on its outcomes, so that intervals must hold wherever it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalharness.domain import PairDesign
from evalharness.stats import choose_boundary_rho

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords


def choose_mixture(records: RunRecords, battles: Sequence[Battle], level: float) -> float | None:
    """Return the `rho` of always-valid intervals; None where the design did not depend on outcomes.

    An adaptive design that asked everything in the end chose nothing.
    """
    judging = records.config.get("judging")
    if not isinstance(judging, Mapping) or judging.get("pairs") != PairDesign.ADAPTIVE:
        return None
    models = {model for battle in battles for model in (battle.model_a, battle.model_b)}
    asked = {(*sorted((each.model_a, each.model_b)), each.question_id) for each in battles}
    pairs = len(models) * (len(models) - 1) // 2
    questions = len(records.questions)
    if not models or len(asked) >= pairs * questions:
        return None
    return choose_boundary_rho(len(models), questions, 1 - level)
