"""The peers' side of `battles.py`, run by their own interpreter: prints seconds as JSON."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import time

import numpy as np
import pandas as pd

REPLICATES = 5


def main(arrays, table, fastchat):
    """Print the seconds of each tool that can be imported."""
    held, battles = np.load(arrays), pd.read_parquet(table)
    found = {}
    if fastchat:
        found |= time_fastchat(load(fastchat), held, battles)
    if importlib.util.find_spec("evalica"):
        found |= time_evalica(battles)
    if importlib.util.find_spec("arena_rank"):
        found |= time_arena_rank(battles)
    print(json.dumps(found))  # noqa: T201


def load(path):
    """Return a module from its file."""
    spec = importlib.util.spec_from_file_location("rating_systems", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fastest(work, runs):
    """Return the fewest seconds of some runs."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def time_fastchat(systems, held, battles):
    """Return FastChat's seconds: one replicate is its multinomial draw and its fit."""
    pairs, outcomes, models, weights = systems.preprocess_for_bt(battles)
    rng = np.random.default_rng(0)

    def replicate():
        drawn = rng.multinomial(len(battles), weights / weights.sum()) / len(battles)
        systems.fit_bt(pairs, outcomes, drawn, len(models), math.log(10))

    places = np.column_stack([held["first"], held["second"]]).astype(np.int64)
    features = np.ascontiguousarray(held["style"].T)
    models = list(range(places.max() + 1))
    return {
        "FastChat from a table": fastest(lambda: systems.compute_bt(battles), 2),
        "FastChat replicate": fastest(replicate, REPLICATES),
        "FastChat style control": fastest(
            lambda: systems.fit_contextual_bt(places, features, held["outcome"] / 2, models), 2
        ),
    }


def time_evalica(battles):
    """Return evalica's seconds; its lists are made once for the replicates."""
    import evalica

    winner = {
        "model_a": evalica.Winner.X,
        "model_b": evalica.Winner.Y,
        "tie": evalica.Winner.Draw,
    }

    def lists():
        names = (battles[name].tolist() for name in ("model_a", "model_b"))
        return *names, [winner[label] for label in battles["winner"]]

    given = lists()

    def replicates():
        evalica.bootstrap(
            evalica.bradley_terry,
            *given,
            n_resamples=REPLICATES,
            bootstrap_method="percentile",
            random_state=0,
        )

    return {
        "evalica from a table": fastest(lambda: evalica.bradley_terry(*lists()), 2),
        "evalica replicate": fastest(replicates, 1) / REPLICATES,
    }


def time_arena_rank(battles):
    """Return arena-rank's seconds, once compiled: a replicate of its bootstrap is a refit."""
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    held = PairDataset.from_pandas(battles)

    def refit():
        BradleyTerry(held.n_competitors).fit(held)

    def whole():
        prepared = PairDataset.from_pandas(battles)
        BradleyTerry(prepared.n_competitors).compute_ratings_and_cis(prepared)

    refit()
    return {
        "arena-rank from a table": fastest(whole, 2),
        "arena-rank refit": fastest(refit, REPLICATES),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
