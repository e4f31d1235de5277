"""The table of a run: one row a model, every figure with its interval and its counts."""

from evalharness.leaderboard._build import build
from evalharness.leaderboard._comparison import Comparison, Metric, compare_models
from evalharness.leaderboard._corrected_rows import (
    KINDS,
    CorrectedFigure,
    CorrectedRow,
    CorrectedTable,
    Correction,
)
from evalharness.leaderboard._people import without_checks
from evalharness.leaderboard._robustness import Reversal, Robustness, Variant
from evalharness.leaderboard._rows import (
    JudgeRow,
    Leaderboard,
    LeaderboardRow,
    PairRow,
    PanelAgreement,
    PanelSummary,
)
from evalharness.leaderboard._variants import robustness

__all__ = [
    "KINDS",
    "Comparison",
    "CorrectedFigure",
    "CorrectedRow",
    "CorrectedTable",
    "Correction",
    "JudgeRow",
    "Leaderboard",
    "LeaderboardRow",
    "Metric",
    "PairRow",
    "PanelAgreement",
    "PanelSummary",
    "Reversal",
    "Robustness",
    "Variant",
    "build",
    "compare_models",
    "robustness",
    "without_checks",
]
