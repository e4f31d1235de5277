"""List the file layouts in which well-known benchmark datasets are distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.benchmarks.dataset_readers import (
    read_arc,
    read_arc_as_released,
    read_arc_of_foundry,
    read_gsm8k,
    read_hellaswag,
    read_hellaswag_text,
    read_mmlu,
    read_mmlu_csv,
    read_truthfulqa,
    read_truthfulqa_csv,
    read_winogrande,
    read_winogrande_of_foundry,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    DatasetReader = Callable[[Path], Iterator[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """A file layout of one dataset.

    Attributes:
        pattern: a path inside the data folder, with `{config}`, `{split}` and `{snake}` (the
            configuration's name in snake case) to be filled in.
        splits: the words for the hub's splits in the pattern.
        read: yields the rows of a file with the hub's columns.
    """

    pattern: str
    splits: dict[str, str]
    read: DatasetReader


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A dataset of the Hugging Face hub.

    Attributes:
        folders: possible names of the folder that holds the dataset.
        check: reads and checks a file in the hub's own layout.
        layouts: other layouts.
    """

    folders: tuple[str, ...]
    check: DatasetReader
    layouts: tuple[DatasetLayout, ...] = ()


_MMLU_SPLITS = {"test": "test", "validation": "val", "dev": "dev"}

DATASETS = {
    "ai2_arc": HubDataset(
        ("ai2_arc", "arc", "ARC"),
        read_arc,
        (
            DatasetLayout("llm_foundry/{snake}.jsonl", {"test": ""}, read_arc_of_foundry),
            DatasetLayout(
                "**/{config}/{config}-{split}.jsonl",
                {"train": "Train", "validation": "Dev", "test": "Test"},
                read_arc_as_released,
            ),
        ),
    ),
    "hellaswag": HubDataset(
        ("hellaswag", "HellaSwag"),
        read_hellaswag,
        (
            DatasetLayout(
                "hellaswag/hellaswag_{split}.jsonl",
                {"train": "train", "validation": "val"},
                read_hellaswag,
            ),
            DatasetLayout(
                "hellaswag/hellaswag_val_full.txt", {"validation": ""}, read_hellaswag_text
            ),
        ),
    ),
    "winogrande": HubDataset(
        ("winogrande",),
        read_winogrande,
        (
            DatasetLayout(
                "llm_foundry/winogrande.jsonl", {"validation": ""}, read_winogrande_of_foundry
            ),
            DatasetLayout(
                "winogrande*/{split}.jsonl",
                {"train": "train_xl", "validation": "dev"},
                read_winogrande,
            ),
        ),
    ),
    "gsm8k": HubDataset(("gsm8k", "grade_school_math/data"), read_gsm8k),
    "truthful_qa": HubDataset(
        ("truthful_qa", "truthfulqa"),
        read_truthfulqa,
        (DatasetLayout("truthfulqa/TruthfulQA.csv", {"validation": ""}, read_truthfulqa_csv),),
    ),
    "mmlu": HubDataset(
        ("mmlu",),
        read_mmlu,
        (
            DatasetLayout("mmlu/{config}_{split}.csv", _MMLU_SPLITS, read_mmlu_csv),
            DatasetLayout("mmlu/{split}/{config}_{split}.csv", _MMLU_SPLITS, read_mmlu_csv),
            DatasetLayout("mmlu/data/{split}/{config}_{split}.csv", _MMLU_SPLITS, read_mmlu_csv),
        ),
    ),
}
"""The datasets by the last part of their names on the hub, in lower case."""
