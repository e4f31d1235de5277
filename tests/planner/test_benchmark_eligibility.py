"""Keys of benchmark results: all that a figure depends on."""

from __future__ import annotations

from dataclasses import replace

from builders import model_spec

from evalharness.benchmarks import PreparedBenchmark
from evalharness.domain import BenchmarkSpec
from evalharness.planner import benchmark_digest

PREPARED = PreparedBenchmark(
    spec=BenchmarkSpec(name="mine", task="mine"),
    limit=None,
    batch_size=None,
    folders=(),
    tasks=("mine",),
    few_shot={"mine": 0},
    compares=("mine",),
    hub=(),
    content="",
    harness_version="0.4",
)


def test_weights_that_were_saved_again_are_measured_again():
    """A path says where they are, and the fingerprint of their files what they are."""
    model = model_spec("local_transformers", name="mine", weights="./w", template="tokenizer")
    one, other = (replace(model, fingerprint=each) for each in ("0a", "0b"))
    keys = [benchmark_digest(each, PREPARED) for each in (model, one, other)]

    assert len(set(keys)) == 3
    assert benchmark_digest(replace(one, name="renamed"), PREPARED) == keys[1]
