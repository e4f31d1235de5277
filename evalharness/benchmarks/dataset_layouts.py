"""Where the files of well-known benchmarks are, in the layouts in which they go around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.benchmarks.dataset_readers import (
    arc,
    arc_as_released,
    arc_of_foundry,
    gsm8k,
    hellaswag,
    hellaswag_text,
    mmlu,
    mmlu_csv,
    truthfulqa,
    truthfulqa_csv,
    winogrande,
    winogrande_of_foundry,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    DatasetReader = Callable[[Path], Iterator[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """Files of one dataset: where (`{config}`, `{split}`) and how they are read.

    Attributes:
        pattern: a path inside the data folder.
        splits: the names of the hub's splits, each with the word for it in the pattern.
        read: yields the rows as the hub has them.
    """

    pattern: str
    splits: dict[str, str]
    read: DatasetReader


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A dataset of the hub.

    Attributes:
        folders: what a folder that holds it may be called.
        check: reads a file in the hub's own layout.
        layouts: others.
    """

    folders: tuple[str, ...]
    check: DatasetReader
    layouts: tuple[DatasetLayout, ...] = ()


_MMLU_SPLITS = {"test": "test", "validation": "val", "dev": "dev"}

DATASETS = {
    "ai2_arc": HubDataset(
        ("ai2_arc", "arc", "ARC"),
        arc,
        (
            DatasetLayout("llm_foundry/{snake}.jsonl", {"test": ""}, arc_of_foundry),
            DatasetLayout(
                "**/{config}/{config}-{split}.jsonl",
                {"train": "Train", "validation": "Dev", "test": "Test"},
                arc_as_released,
            ),
        ),
    ),
    "hellaswag": HubDataset(
        ("hellaswag", "HellaSwag"),
        hellaswag,
        (
            DatasetLayout(
                "hellaswag/hellaswag_{split}.jsonl",
                {"train": "train", "validation": "val"},
                hellaswag,
            ),
            DatasetLayout("hellaswag/hellaswag_val_full.txt", {"validation": ""}, hellaswag_text),
        ),
    ),
    "winogrande": HubDataset(
        ("winogrande",),
        winogrande,
        (
            DatasetLayout(
                "llm_foundry/winogrande.jsonl", {"validation": ""}, winogrande_of_foundry
            ),
            DatasetLayout(
                "winogrande*/{split}.jsonl",
                {"train": "train_xl", "validation": "dev"},
                winogrande,
            ),
        ),
    ),
    "gsm8k": HubDataset(("gsm8k", "grade_school_math/data"), gsm8k),
    "truthful_qa": HubDataset(
        ("truthful_qa", "truthfulqa"),
        truthfulqa,
        (DatasetLayout("truthfulqa/TruthfulQA.csv", {"validation": ""}, truthfulqa_csv),),
    ),
    "mmlu": HubDataset(
        ("mmlu",),
        mmlu,
        (
            DatasetLayout("mmlu/{config}_{split}.csv", _MMLU_SPLITS, mmlu_csv),
            DatasetLayout("mmlu/{split}/{config}_{split}.csv", _MMLU_SPLITS, mmlu_csv),
            DatasetLayout("mmlu/data/{split}/{config}_{split}.csv", _MMLU_SPLITS, mmlu_csv),
        ),
    ),
}
"""By the last part of the dataset's name on the hub, in lower case."""
