"""An LLM-as-judge evaluation harness: which model is better, by how much, and how sure are we?

For notebooks:

    run = evalharness.load_run("results/example")
    run.leaderboard
    evalharness.rate(run.battles, method="davidson")
    evalharness.win_rates(run.battles, baseline="vicuna-13b")
    evalharness.rate(evalharness.count_battles("battles.parquet"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalharness.notebook import Run, load_run
    from evalharness.stats.frames import rate, rate_online, win_rates
    from evalharness.store.battles import count_battles

__all__ = ["Run", "count_battles", "load_run", "rate", "rate_online", "win_rates"]

_HOMES = {
    "Run": "evalharness.notebook",
    "count_battles": "evalharness.store.battles",
    "load_run": "evalharness.notebook",
    "rate": "evalharness.stats.frames",
    "rate_online": "evalharness.stats.frames",
    "win_rates": "evalharness.stats.frames",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only now, so that importing the package stays instant."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
