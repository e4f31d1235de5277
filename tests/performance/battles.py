"""How fast battles are counted, rated and resampled, beside other tools, in one run.

python tests/performance/battles.py [--peers PYTHON] [--fastchat FILE] [--small]

1.7 million battles of 129 models, as Chatbot Arena has them, and 10 million in a Parquet file.
Each figure is the fastest of several runs. Peers run in an environment of their own, made with
`pip install evalica arena-rank scipy pandas pyarrow`; FastChat's file is
`fastchat/serve/monitor/rating_systems.py` of its repository, which its package does not carry.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from evalharness.stats import (
    bootstrap,
    bradley_terry,
    build_comparisons,
    count_comparisons,
    rate,
    style_controlled_ratings,
)
from evalharness.store import count_battles

MODELS = 129
LABELS = np.array(["model_b", "tie", "model_a"])
COLUMNS = ["model_a", "model_b", "winner"]
PEERS = Path(__file__).with_name("battles_peers.py")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=None, help="the interpreter of the peers' environment")
    parser.add_argument("--fastchat", default="", help="FastChat's rating_systems.py")
    parser.add_argument("--small", action="store_true", help="a hundredth of the battles")
    parser.add_argument("--replicates", type=int, default=1000)
    given = parser.parse_args()
    scale = 100 if given.small else 1
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("battles.npz", "some.parquet", "many.parquet")]
        battles = simulated(1_700_000 // scale)
        np.savez(places[0], **battles)
        table = spelt_out(battles)
        parquet.write_table(pa.Table.from_pandas(table), places[1])
        write_many(places[2], 10_000_000 // scale)
        own = ours(battles, table, places, given.replicates)
        others = {}
        if given.peers:
            command = [given.peers, str(PEERS), str(places[0]), str(places[1]), given.fastchat]
            others = json.loads(subprocess.check_output(command, text=True))
    report(own, others)


def simulated(number, seed=0):
    """Return battles as arrays: popular models fight more; style has an effect; a quarter tie."""
    rng = np.random.default_rng(seed)
    popular = rng.dirichlet(np.full(MODELS, 0.5)) * 0.9 + 0.1 / MODELS
    first = rng.choice(MODELS, number, p=popular).astype(np.int32)
    second = ((first + rng.integers(1, MODELS, number)) % MODELS).astype(np.int32)
    strength, manner = rng.normal(0, 0.6, MODELS), rng.normal(0, 0.5, (4, MODELS))
    style = np.tanh(manner[:, first] - manner[:, second] + rng.normal(0, 1, (4, number)))
    style = (style - style.mean(axis=1, keepdims=True)) / style.std(axis=1, keepdims=True)
    log_odds = strength[first] - strength[second] + np.array([0.5, 0.2, 0.15, 0.1]) @ style
    won = rng.random(number) < 1 / (1 + np.exp(-log_odds))
    outcome = np.where(rng.random(number) < 0.25, 1, 2 * won).astype(np.int8)
    return {"first": first, "second": second, "outcome": outcome, "style": style}


def spelt_out(battles):
    """Return a DataFrame of text, as a notebook has it."""
    names = np.array([f"model-{place:03d}" for place in range(MODELS)])
    columns = (names[battles["first"]], names[battles["second"]], LABELS[battles["outcome"]])
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), dtype="str")


def write_many(path, number):
    """Write battles of text, a million at a time."""
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, number, 1_000_000):
            table = spelt_out(simulated(min(1_000_000, number - start), seed=start + 1))
            writer.write_table(pa.Table.from_pandas(table, schema=schema))


def ours(battles, table, places, replicates):
    """Return our seconds by what was done."""
    first, second, outcome = (battles[name] for name in ("first", "second", "outcome"))
    names = [f"model-{place:03d}" for place in range(MODELS)]

    def one_pass():
        code = (first.astype(np.int64) * MODELS + second) * 3 + outcome
        np.bincount(code, minlength=3 * MODELS**2)

    counts = count_comparisons(names, first, second, outcome)
    comparisons = build_comparisons(names, first, second, outcome)
    styles = {f"style-{number}": row for number, row in enumerate(battles["style"])}
    questions = by_question()
    rng = np.random.default_rng
    return {
        "one pass": fastest(one_pass, 20),
        "count, fit, sandwich": fastest(
            lambda: bradley_terry(count_comparisons(names, first, second, outcome)), 20
        ),
        "replicate": fastest(lambda: bootstrap(counts, rng(0), replicates=replicates), 3)
        / replicates,
        "replicate, numpy alone": without_numba(places[0], replicates) / replicates,
        "from a table": fastest(lambda: rate(table), 5),
        "from Parquet": fastest(lambda: rate(count_battles(places[1])), 5),
        "style control": fastest(lambda: style_controlled_ratings(comparisons, styles), 5),
        "clustered bootstrap": fastest(lambda: bootstrap(questions, rng(0)), 5),
        "decode many": fastest(
            lambda: parquet.read_table(places[2], columns=COLUMNS, read_dictionary=COLUMNS), 7
        ),
        "decode many to text": fastest(lambda: parquet.read_table(places[2], columns=COLUMNS), 3),
        "rate many": fastest(lambda: rate(count_battles(places[2])), 7),
    }


def by_question():
    """Return 20 models on 80 questions, all pairs in both orders."""
    rng = np.random.default_rng(1)
    pairs = np.argwhere(~np.eye(20, dtype=bool))
    first, second = np.tile(pairs.T, 80)
    outcome = rng.integers(0, 3, len(first))
    question = np.repeat(np.arange(80), len(pairs))
    return count_comparisons(
        [f"model-{n}" for n in range(20)], first, second, outcome, question=question
    )


def without_numba(path, replicates):
    """Return the seconds of the same bootstrap in a process that finds no numba."""
    code = f"""
import sys; sys.modules["numba"] = None
import numpy as np, time
from evalharness.stats import bootstrap, count_comparisons
held = np.load({str(path)!r})
names = [str(place) for place in range({MODELS})]
counts = count_comparisons(names, held["first"], held["second"], held["outcome"])
seconds = []
for _ in range(2):
    start = time.perf_counter()
    bootstrap(counts, np.random.default_rng(0), replicates={replicates})
    seconds.append(time.perf_counter() - start)
print(min(seconds))
"""
    return float(subprocess.check_output([sys.executable, "-c", code], text=True))


def fastest(work, runs):
    """Return the fewest seconds of some runs, after one that is not counted."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def report(own, others):
    """Print seconds, then ratios beside what they must reach."""
    for name, seconds in (own | others).items():
        print(f"{name:42} {1e3 * seconds:12.3f} ms")  # noqa: T201
    print()  # noqa: T201
    per = own["replicate"]
    tables = [seconds for name, seconds in others.items() if name.endswith("from a table")]
    rows = [
        ("count, fit, sandwich / one pass", own["count, fit, sandwich"] / own["one pass"], "<= 4"),
        ("replicate: FastChat / ours", others.get("FastChat replicate", np.nan) / per, ">= 300"),
        (
            "replicate: FastChat / numpy alone",
            others.get("FastChat replicate", np.nan) / own["replicate, numpy alone"],
            ">= 80",
        ),
        ("replicate: evalica / ours", others.get("evalica replicate", np.nan) / per, ">= 2000"),
        (
            "refit: arena-rank / our replicate",
            others.get("arena-rank refit", np.nan) / per,
            ">= 3000",
        ),
        (
            "from a table: fastest peer / ours",
            min(tables, default=np.nan) / own["from a table"],
            ">= 8",
        ),
        (
            "from Parquet: fastest peer / ours",
            min(tables, default=np.nan) / own["from Parquet"],
            ">= 8",
        ),
        ("10 M from Parquet: rate / decode", own["rate many"] / own["decode many"], "<= 1.5"),
        (
            "10 M from Parquet: rate / decode to text",
            own["rate many"] / own["decode many to text"],
            "",
        ),
        (
            "style control: FastChat / ours",
            others.get("FastChat style control", np.nan) / own["style control"],
            ">= 10",
        ),
        ("clustered bootstrap, seconds", own["clustered bootstrap"], "< 1"),
    ]
    for name, ratio, goal in rows:
        print(f"{name:42} {ratio:12.2f}    {goal}")  # noqa: T201


if __name__ == "__main__":
    main()
