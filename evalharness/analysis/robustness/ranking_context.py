"""Define the input and the type of alternative analyses of a ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.errors import BattlesError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.analysis.leaderboard.rows import Leaderboard
    from evalharness.analysis.robustness.model_figures import ModelFigures
    from evalharness.analysis.robustness.ranking_evidence import RankingEvidence

Analysis = tuple[str, str, "Callable[[], ModelFigures]"]
"""The group, the name, and a function that returns the figures of the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingContext:
    """The input of every alternative analysis.

    Attributes:
        board: the leaderboard.
        evidence: the judgments behind it.
    """

    board: Leaderboard
    evidence: RankingEvidence


def build_unavailable_analysis(reason: str) -> Callable[[], ModelFigures]:
    """Return an analysis that always fails with the given reason."""

    def refuse() -> ModelFigures:
        raise BattlesError(reason)

    return refuse
