"""Let lm-eval's tasks read local data files; prompts, few-shot examples and metrics stay the same.

For each task this module writes a file that includes lm-eval's own file and names other data. These
files and the converted data are kept in the user's cache under a digest of their sources, so that
lm-eval's own command line can read them as well (`--include_path`).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.benchmarks.data_rows import DATA_SUFFIXES
from evalharness.benchmarks.dataset_layouts import DATASETS
from evalharness.domain import compute_digest
from evalharness.errors import ConfigError
from evalharness.store import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalharness.benchmarks.dataset_layouts import DatasetReader, HubDataset

_CONVERSION_VERSION = 1
_SPLIT_KEYS = ("training_split", "validation_split", "test_split", "fewshot_split")
_BUILDER_BY_SUFFIX = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}
_SPLIT_FILE_NAMES = {"validation": ("validation", "val", "valid")}
_DEFAULT_CONFIGS = ("main", "winogrande_xl", "multiple_choice", "default")


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """The files of one split.

    Attributes:
        paths: the files.
        read: reads a file; None if lm-eval can read the files as they are.
    """

    paths: tuple[Path, ...]
    read: DatasetReader | None


def write_task_folder(
    tasks: Mapping[str, Mapping[str, Any]], data_dir: Path | None, few_shot: Mapping[str, int]
) -> tuple[Path | None, str]:
    """Write the tasks that read local files; return their folder and a digest of tasks and data.

    The folder is None, and the digest empty, if no task reads local files.

    Args:
        tasks: the configurations of the tasks by name, each with its `_file`.
        data_dir: the folder with the data; None keeps tasks with data of the hub as they are.
        few_shot: the number of examples in the prompts of each task.

    Raises:
        ConfigError: data is missing; the message says which files were searched for.
        InputError: a data file is damaged.
    """
    written: dict[str, dict[str, Any]] = {}
    for name, config in tasks.items():
        changes = _resolve_own_files(config)
        if changes is None and data_dir is not None and "dataset_path" in config:
            changes = _redirect_to_folder(name, config, data_dir, few_shot[name])
        if changes:
            written[name] = {"include": str(config["_file"]), "task": name} | changes
    if not written:
        return None, ""
    sources_digest = compute_digest(
        [written, [_hash_content(path) for path in _list_data_files(written)]]
    )
    folder = find_cache_folder() / f"tasks-{sources_digest[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in written.items():
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        replace_file(folder / f"{name}.yaml", text.encode())
    return folder, sources_digest


def find_cache_folder() -> Path:
    """Return the folder for converted data in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "evalharness" / "benchmarks"


def _resolve_own_files(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the change that names a task's own data files by absolute paths; None if it has none."""
    kwargs = config.get("dataset_kwargs") or {}
    files = kwargs.get("data_files")
    if config.get("dataset_path") not in {*_BUILDER_BY_SUFFIX.values(), "text"} or not files:
        return None
    task_folder = Path(config["_file"]).parent
    named = files if isinstance(files, dict) else {"train": files}
    absolute = {
        split: [str((task_folder / each).resolve()) for each in _as_list(paths)]
        for split, paths in named.items()
    }
    for path in (path for paths in absolute.values() for path in paths):
        if not Path(path).is_file():
            msg = f"{config['_file']}: there is no file {path} (data_files)"
            raise ConfigError(msg)
    return {"dataset_kwargs": {**kwargs, "data_files": absolute}}


def _redirect_to_folder(
    name: str, config: Mapping[str, Any], data_dir: Path, few_shot: int
) -> dict[str, Any]:
    """Return the changes that make a task with data of the hub read the data in a folder."""
    if not data_dir.is_dir():
        msg = f"benchmarks.data_dir={data_dir}: there is no such folder"
        raise ConfigError(msg)
    splits = {key: config[key] for key in _SPLIT_KEYS if config.get(key)}
    if isinstance(own := (config.get("fewshot_config") or {}).get("split"), str):
        splits.setdefault("fewshot_split", own)
    brings_examples = "samples" in (config.get("fewshot_config") or {})
    files_by_split = {
        split: _find_split(config, split, data_dir) for split in dict.fromkeys(splits.values())
    }
    there = {split: files for split, files in files_by_split.items() if files is not None}
    for purpose, split in _find_needed_splits(splits, 0 if brings_examples else few_shot).items():
        if split not in there:
            msg = (
                f"{name}: benchmarks.data_dir={data_dir} has no {split} split of "
                f"{config['dataset_path']}, which {purpose}; looked for "
                f"{', '.join(_list_example_patterns(config, split))}"
            )
            if purpose != "is scored":
                msg += "\nbenchmarks.few_shot=0 asks without examples"
            raise ConfigError(msg)
    files = {split: _convert_split(config, split, there[split]) for split in there}
    builders = {_BUILDER_BY_SUFFIX[Path(path).suffix] for paths in files.values() for path in paths}
    if len(builders) > 1:
        msg = f"{name}: the splits in {data_dir} are of several formats: {', '.join(builders)}"
        raise ConfigError(msg)
    return {
        "dataset_path": builders.pop(),
        "dataset_name": None,
        "dataset_kwargs": {"data_files": files},
        **{key: split if split in there else None for key, split in splits.items()},
    }


def _find_needed_splits(splits: Mapping[str, str], few_shot: int) -> dict[str, str]:
    """Return the splits that a task requires, by their purposes."""
    scored = splits.get("test_split") or splits.get("validation_split") or "test"
    needed = {"is scored": scored}
    order = ("fewshot_split", "training_split", "validation_split")
    examples = next((splits[key] for key in order if key in splits), None)
    if few_shot and examples is not None:
        needed[f"the {few_shot} examples in its prompt come from"] = examples
    return needed


def _find_split(config: Mapping[str, Any], split: str, data_dir: Path) -> SplitFiles | None:
    """Return the files of a split, in the hub's layout or in another known layout; None if missing."""
    dataset = _find_dataset(config)
    for pattern in _list_hub_patterns(config, split):
        if paths := sorted(data_dir.glob(pattern)):
            return SplitFiles(tuple(paths), dataset.check if dataset else None)
    for pattern, read in _list_other_patterns(config, split):
        if paths := sorted(data_dir.glob(pattern)):
            return SplitFiles(tuple(paths[:1]), read)
    return None


def _list_example_patterns(config: Mapping[str, Any], split: str) -> list[str]:
    """Return some of the searched patterns, for a message."""
    others = [pattern for pattern, _ in _list_other_patterns(config, split)]
    return [next(iter(_list_hub_patterns(config, split))), *others]


def _list_hub_patterns(config: Mapping[str, Any], split: str) -> Iterator[str]:
    path, name = str(config["dataset_path"]), config.get("dataset_name")
    last = path.rpartition("/")[2]
    dataset = _find_dataset(config)
    folders = dict.fromkeys([*(dataset.folders if dataset else ()), last, path])
    configs = [f"{name}/", f"data/{name}/"] if name else []
    if not name or name in _DEFAULT_CONFIGS:
        configs += ["", "data/"]
    for folder in folders:
        for inside in configs:
            for word in _SPLIT_FILE_NAMES.get(split, (split,)):
                for suffix in DATA_SUFFIXES:
                    yield f"{folder}/{inside}{word}{suffix}"
                    yield f"{folder}/{inside}{word}-*{suffix}"


def _list_other_patterns(
    config: Mapping[str, Any], split: str
) -> Iterator[tuple[str, DatasetReader]]:
    dataset = _find_dataset(config)
    name = str(config.get("dataset_name") or "")
    for layout in dataset.layouts if dataset else ():
        if split in layout.splits:
            words = {"config": name, "split": layout.splits[split]}
            yield layout.pattern.format(snake=_to_snake_case(name), **words), layout.read


def _convert_split(config: Mapping[str, Any], split: str, files: SplitFiles) -> list[str]:
    """Return files with the hub's columns: the files of a split, or one converted file."""
    if files.read is None:
        return [str(path.resolve()) for path in files.paths]
    hashes = [_hash_content(path) for path in files.paths]
    key = compute_digest(
        [
            _CONVERSION_VERSION,
            str(config["dataset_path"]),
            files.read.__name__.removeprefix("read_"),
            hashes,
        ]
    )
    label = config.get("dataset_name") or str(config["dataset_path"]).rpartition("/")[2]
    target = find_cache_folder() / "data" / f"{_to_snake_case(str(label))}-{split}-{key[:16]}.jsonl"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = (
            json.dumps(row, ensure_ascii=False).encode() + b"\n"
            for path in files.paths
            for row in files.read(path)
        )
        replace_file(target, b"".join(lines))
    return [str(target)]


def _find_dataset(config: Mapping[str, Any]) -> HubDataset | None:
    return DATASETS.get(str(config["dataset_path"]).rpartition("/")[2].lower())


def _list_data_files(written: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    return [
        Path(path)
        for content in written.values()
        for paths in content["dataset_kwargs"]["data_files"].values()
        for path in paths
    ]


def _hash_content(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _to_snake_case(name: str) -> str:
    return re.sub(r"\W+", "_", name).lower()


def _as_list(paths: str | Sequence[str]) -> Sequence[str]:
    return [paths] if isinstance(paths, str) else paths
