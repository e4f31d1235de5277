"""An LLM-as-judge evaluation harness: which model is better, by how much, and how sure are we?

For notebooks:

    run = evalharness.load_run("results/example")
    run.leaderboard
    evalharness.rate(run.battles, method="davidson")
    evalharness.win_rates(run.battles, baseline="vicuna-13b")
    evalharness.rate(evalharness.count_battles("battles.parquet"))
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
