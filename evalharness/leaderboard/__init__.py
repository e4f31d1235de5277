"""The table of a run: one row a model, every figure with its interval and its counts."""

from evalharness.leaderboard._build import build
from evalharness.leaderboard._rows import Leaderboard, LeaderboardRow, PairRow

__all__ = ["Leaderboard", "LeaderboardRow", "PairRow", "build"]
