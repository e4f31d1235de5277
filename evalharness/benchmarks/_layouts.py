"""Where the files of well-known benchmarks are, in the layouts in which they go around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.benchmarks import _readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Reader = Callable[[Path], Iterator[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Files of one dataset: where (`{config}`, `{split}`) and how they are read.

    Attributes:
        pattern: a path inside the data folder.
        splits: the names of the hub's splits, each with the word for it in the pattern.
        read: yields the rows as the hub has them.
    """

    pattern: str
    splits: dict[str, str]
    read: Reader


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of the hub.

    Attributes:
        folders: what a folder that holds it may be called.
        check: reads a file in the hub's own layout.
        layouts: others.
    """

    folders: tuple[str, ...]
    check: Reader
    layouts: tuple[Layout, ...] = ()


_MMLU_SPLITS = {"test": "test", "validation": "val", "dev": "dev"}

DATASETS = {
    "ai2_arc": Dataset(
        ("ai2_arc", "arc", "ARC"),
        _readers.arc,
        (
            Layout("llm_foundry/{snake}.jsonl", {"test": ""}, _readers.arc_of_foundry),
            Layout(
                "**/{config}/{config}-{split}.jsonl",
                {"train": "Train", "validation": "Dev", "test": "Test"},
                _readers.arc_as_released,
            ),
        ),
    ),
    "hellaswag": Dataset(
        ("hellaswag", "HellaSwag"),
        _readers.hellaswag,
        (
            Layout(
                "hellaswag/hellaswag_{split}.jsonl",
                {"train": "train", "validation": "val"},
                _readers.hellaswag,
            ),
            Layout("hellaswag/hellaswag_val_full.txt", {"validation": ""}, _readers.hellaswag_text),
        ),
    ),
    "winogrande": Dataset(
        ("winogrande",),
        _readers.winogrande,
        (
            Layout(
                "llm_foundry/winogrande.jsonl", {"validation": ""}, _readers.winogrande_of_foundry
            ),
            Layout(
                "winogrande*/{split}.jsonl",
                {"train": "train_xl", "validation": "dev"},
                _readers.winogrande,
            ),
        ),
    ),
    "gsm8k": Dataset(("gsm8k", "grade_school_math/data"), _readers.gsm8k),
    "truthful_qa": Dataset(
        ("truthful_qa", "truthfulqa"),
        _readers.truthfulqa,
        (Layout("truthfulqa/TruthfulQA.csv", {"validation": ""}, _readers.truthfulqa_csv),),
    ),
    "mmlu": Dataset(
        ("mmlu",),
        _readers.mmlu,
        (
            Layout("mmlu/{config}_{split}.csv", _MMLU_SPLITS, _readers.mmlu_csv),
            Layout("mmlu/{split}/{config}_{split}.csv", _MMLU_SPLITS, _readers.mmlu_csv),
            Layout("mmlu/data/{split}/{config}_{split}.csv", _MMLU_SPLITS, _readers.mmlu_csv),
        ),
    ),
}
"""By the last part of the dataset's name on the hub, in lower case."""
