"""How long benchmarks take here and with lm-eval's own model, in one process.

    python tests/performance/benchmark_throughput.py DATA [--limit 100] [--batch 8] [--rounds 3]

DATA is a folder for `benchmarks.data_dir`. The same tasks, data and weights (the embedded model) are
run in turns: as `benchmark` runs them, on weights that are loaded already, and by lm-eval's
`simple_evaluate` with its own `hf` model, as its command line does. Loading weights is left out of
both. It prints the seconds of each and the ratio of the fastest rounds; without `--batch` the sizes
of batches that are found here are compared with lm-eval's default of 1.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path

import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from evalharness.backends.local.causal_model import CausalModel
from evalharness.backends.local.embedded_model import prepare_embedded_folder
from evalharness.backends.local.settings import WeightsSettings
from evalharness.backends.local.weights import Weights, load_model, load_tokenizer
from evalharness.benchmarks import BenchmarkJob, PreparedBenchmark, measure_weights, prepare_suite
from evalharness.domain import BenchmarkSpec, ModelSpec, SuiteSpec

TASKS = ("arc_easy", "hellaswag", "winogrande")


def main() -> None:
    """Print the seconds and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    settings = WeightsSettings(weights="embedded")
    spec = ModelSpec(name="embedded", backend="local_transformers", settings=settings)
    weights = Weights.of(spec)
    loaded = CausalModel(load_model(weights), load_tokenizer(weights))
    theirs = HFLM(
        pretrained=str(prepare_embedded_folder()),
        device="cpu",
        dtype="float32",
        batch_size=given.batch or 1,
    )
    suite = SuiteSpec(
        benchmarks=tuple(BenchmarkSpec(name=task, task=task) for task in TASKS),
        data_dir=str(given.data),
        limit=given.limit,
        batch_size=given.batch,
    )
    prepared = prepare_suite(suite)
    ours: list[float] = []
    other: list[float] = []
    for _ in range(given.rounds):
        began = time.perf_counter()
        for each in prepared:
            with torch.inference_mode():
                measure_weights(_task(spec, each), loaded)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        for each in prepared:
            simple_evaluate(
                model=theirs,
                tasks=[each.spec.task],
                limit=given.limit,
                task_manager=TaskManager(include_path=list(each.folders), include_defaults=False),
            )
        other.append(time.perf_counter() - began)
    for name, times in (("here", ours), ("lm-eval", other)):
        sys.stdout.write(f"{name:8} {' '.join(f'{each:.1f}' for each in times)} s\n")
    sys.stdout.write(f"ratio    {min(ours) / min(other):.3f}\n")


class _Silence:
    """Looks at nothing."""

    def expect(self, requests: int) -> None:
        """Say nothing."""

    def advance(self) -> None:
        """Say nothing."""

    def raise_if_stopped(self) -> None:
        """Go on."""


def _task(spec: ModelSpec, prepared: PreparedBenchmark) -> BenchmarkJob:
    return BenchmarkJob(
        model=spec,
        prepared=prepared,
        suite="throughput",
        chat_template=False,
        key="",
        lm_eval_lock=threading.Lock(),
        run_on_main=lambda work: work(),
        progress=_Silence(),
    )


if __name__ == "__main__":
    main()
