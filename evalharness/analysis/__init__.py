"""Analyze the records of a run: leaderboard, judge health, overlap of texts, robustness."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
