"""Small suites and data for tests of benchmarks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalharness.benchmarks import PreparedBenchmark, prepare_suite
from evalharness.domain import BenchmarkSpec, SuiteSpec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def spec(task: str, **settings: Any) -> BenchmarkSpec:
    """Return a benchmark with the name of its task."""
    return BenchmarkSpec(**{"name": task, "task": task, **settings})


def prepared(task: str, data_dir: Path | None = None, **settings: Any) -> PreparedBenchmark:
    """Return one benchmark, prepared to run."""
    folders = settings.pop("folders", ())
    suite = SuiteSpec(
        name="mine",
        benchmarks=(spec(task, **settings),),
        data_dir=None if data_dir is None else str(data_dir),
        folders=tuple(map(str, folders)),
    )
    return prepare_suite(suite)[0]


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    """Write JSON lines, and the folders above them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ARC = {
    "id": "a",
    "question": "What is ice?",
    "choices": {"text": ["water", "fire"], "label": ["A", "B"]},
    "answerKey": "A",
}
HELLASWAG = {
    "activity_label": "Baking",
    "ctx_a": "A man opens an oven.",
    "ctx_b": "he",
    "endings": ["takes out a loaf.", "swims.", "flies.", "sings to a rock."],
    "label": "0",
}
WINOGRANDE = {
    "sentence": "The cup did not fit into the box, as the _ was too big.",
    "option1": "cup",
    "option2": "box",
    "answer": "1",
}
GSM8K = {"question": "What is 1 + 1?", "answer": "1 + 1 = <<1+1=2>>2\n#### 2"}
TRUTHFULQA = {
    "question": "Is the moon a cheese?",
    "mc1_targets": {"choices": ["No", "Yes"], "labels": [1, 0]},
    "mc2_targets": {"choices": ["No", "It is rock", "Yes"], "labels": [1, 1, 0]},
}
MMLU = {
    "question": "Which bone is in the head?",
    "subject": "anatomy",
    "choices": ["skull", "femur", "tibia", "rib"],
    "answer": 0,
}
