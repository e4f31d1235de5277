"""The table of a run: one row a model, every figure with its interval and its counts."""

from evalharness.leaderboard._build import build
from evalharness.leaderboard._rows import (
    JudgeRow,
    Leaderboard,
    LeaderboardRow,
    PairRow,
    PanelAgreement,
    PanelSummary,
)

__all__ = [
    "JudgeRow",
    "Leaderboard",
    "LeaderboardRow",
    "PairRow",
    "PanelAgreement",
    "PanelSummary",
    "build",
]
