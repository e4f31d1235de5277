"""Find and check what a benchmark needs, before any model is asked and without importing lm-eval."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.backends import explain_hub_unavailable, find_hub_cache, is_url_reachable
from evalharness.benchmarks.local_datasets import write_task_folder
from evalharness.benchmarks.task_index import INSTALL_COMMAND, TaskIndex, index_tasks
from evalharness.domain import compute_digest
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import BenchmarkSpec, SuiteSpec

_GENERATION = "generate_until"
_REQUIRED_MODULES = {  # by the folder of lm-eval's tasks
    "leaderboard/math": ("math_verify", "sympy"),
    "leaderboard/ifeval": ("immutabledict", "langdetect", "nltk", "pkg_resources"),
}
_REQUIRED_NLTK_DATA = {"leaderboard/ifeval": "punkt_tab"}  # tasks fetch it, and fail without it
_NLTK_SOURCE = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedBenchmark:
    """A benchmark whose tasks and data were found.

    Attributes:
        spec: the benchmark.
        limit: the number of examples of each task; None takes all.
        batch_size: the size of batches for weights on this machine; None finds a size.
        folders: where lm-eval finds the tasks; later folders take precedence.
        tasks: the names of its tasks.
        few_shot: the number of examples in the prompt, by task.
        compares: the tasks that compare log-likelihoods.
        hub: the datasets that come from the hub.
        content: a digest of the user's own tasks and data.
        harness_version: the version of lm-eval.
    """

    spec: BenchmarkSpec
    limit: int | None
    batch_size: int | None
    folders: tuple[Path, ...]
    tasks: tuple[str, ...]
    few_shot: Mapping[str, int]
    compares: tuple[str, ...]
    hub: tuple[str, ...]
    content: str
    harness_version: str

    @property
    def digest(self) -> str:
        """The digest of all that the figures depend on besides the model."""
        spec = asdict(self.spec)
        del spec["name"]
        return compute_digest([spec, self.limit, self.tasks, self.content, self.harness_version])


def prepare_suite(suite: SuiteSpec) -> tuple[PreparedBenchmark, ...]:
    """Return the benchmarks of a suite after finding their tasks and converting their local data.

    Raises:
        ConfigError: lm-eval, a task or data is missing, or a group has other tasks than expected.
        InputError: a file of tasks or data is damaged.
    """
    folders = [Path(folder) for folder in suite.folders]
    index = index_tasks(folders)
    data_dir = Path(suite.data_dir) if suite.data_dir is not None else None
    installed = read_harness_version()
    folder_hashes = [_hash_folder(folder) for folder in folders]
    return tuple(
        _prepare_benchmark(suite, spec, index, data_dir, folder_hashes, installed)
        for spec in suite.benchmarks
    )


def refuse_unreachable_data(prepared: PreparedBenchmark) -> None:
    """Refuse data of the hub and of nltk that is not on this machine and cannot be downloaded.

    Raises:
        ConfigError: data is missing; the message says how to provide it.
    """
    absent = [path for path in prepared.hub if "/" in path and not _is_cached(path)]
    if absent and (obstacle := explain_hub_unavailable()):
        msg = (
            f"benchmarks.{prepared.spec.name}: {', '.join(absent)} is not on this machine, and "
            f"{obstacle}\ngive local files: benchmarks.data_dir=DIR"
        )
        raise ConfigError(msg)
    _refuse_without_nltk_data(prepared)


def read_harness_version() -> str:
    """Return the version of lm-eval.

    Raises:
        ConfigError: lm-eval is not installed.
    """
    try:
        return version("lm-eval")
    except PackageNotFoundError as error:
        msg = f"benchmarks need lm-eval, which is not installed: {INSTALL_COMMAND}"
        raise ConfigError(msg) from error


def _prepare_benchmark(
    suite: SuiteSpec,
    spec: BenchmarkSpec,
    index: TaskIndex,
    data_dir: Path | None,
    folder_hashes: Sequence[str],
    installed: str,
) -> PreparedBenchmark:
    leaves = index.find_tasks(spec.task)
    refuse_task_count(spec, len(leaves))
    if spec.lower_bounds and spec.lower_bounds.keys() != leaves.keys():
        other = ", ".join(sorted(spec.lower_bounds.keys() ^ leaves.keys()))
        msg = f"benchmarks.{spec.name}.lower_bounds: not the tasks of {spec.task}: {other}"
        raise ConfigError(msg)
    _refuse_missing_modules(spec, index.find_folders(spec.task))
    few_shot = {name: _count_few_shot(spec, config) for name, config in leaves.items()}
    local_folder, content = write_task_folder(leaves, data_dir, few_shot)
    folders = [
        *index.find_folders(spec.task),
        *([local_folder] if local_folder is not None else []),
    ]
    return PreparedBenchmark(
        spec=spec,
        limit=suite.limit,
        batch_size=suite.batch_size,
        folders=tuple(folders),
        tasks=tuple(leaves),
        few_shot=few_shot,
        compares=tuple(
            name
            for name, config in leaves.items()
            if config.get("output_type", _GENERATION) != _GENERATION or "class" in config
        ),
        hub=()
        if data_dir is not None
        else tuple(dict.fromkeys(map(_find_hub_path, leaves.values()))),
        content=compute_digest([folder_hashes, content]),
        harness_version=installed,
    )


def refuse_task_count(spec: BenchmarkSpec, count: int) -> None:
    """Refuse a group with another number of tasks than expected: its mean would be another figure.

    Raises:
        ConfigError: the numbers differ; the message has both.
    """
    if spec.tasks is not None and count != spec.tasks:
        msg = f"benchmarks.{spec.name}: {spec.task} has {count} tasks; there must be {spec.tasks}"
        raise ConfigError(msg)


def _refuse_missing_modules(spec: BenchmarkSpec, folders: Sequence[Path]) -> None:
    """Refuse tasks that import modules which are not installed.

    Raises:
        ConfigError: a module is missing; the message has the command that installs it.
    """
    required = [
        module
        for folder in folders
        for module in _REQUIRED_MODULES.get(_task_folder_key(folder), ())
    ]
    missing = [module for module in required if importlib.util.find_spec(module) is None]
    if missing:
        msg = (
            f"benchmarks.{spec.name}: {spec.task} needs {', '.join(missing)}: "
            "pip install 'evalharness[leaderboard]'"
        )
        raise ConfigError(msg)


def _refuse_without_nltk_data(prepared: PreparedBenchmark) -> None:
    required = {
        _REQUIRED_NLTK_DATA[key]
        for key in map(_task_folder_key, prepared.folders)
        if key in _REQUIRED_NLTK_DATA
    }
    for name in sorted(required):
        if not _has_nltk_data(name) and not is_url_reachable(_NLTK_SOURCE):
            msg = (
                f"benchmarks.{prepared.spec.name}: nltk's {name} is not on this machine, and "
                f"{_NLTK_SOURCE} cannot be reached\nfetch it elsewhere with `python -m "
                f"nltk.downloader -d DIR {name}`, copy DIR here and set NLTK_DATA=DIR"
            )
            raise ConfigError(msg)


def _has_nltk_data(name: str) -> bool:
    import nltk

    try:
        nltk.data.find(f"tokenizers/{name}")
    except LookupError:
        return False
    return True


def _task_folder_key(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _find_hub_path(config: Mapping[str, Any]) -> str:
    return str(config.get("dataset_path") or "")


def _is_cached(path: str) -> bool:
    """Return whether a dataset is a folder, or is at least partly in the hub library's caches."""
    if Path(path).exists():
        return True
    home = find_hub_cache()
    prepared = os.environ.get("HF_DATASETS_CACHE") or home.parent / "datasets"
    return (home / f"datasets--{path.replace('/', '--')}").is_dir() or (
        Path(prepared) / path.replace("/", "___")
    ).is_dir()


def _count_few_shot(spec: BenchmarkSpec, config: Mapping[str, Any]) -> int:
    """Return how many examples lm-eval puts into a task's prompt; a task that says 0 has none."""
    own = config.get("num_fewshot")
    return int(own or 0) if spec.few_shot is None or own == 0 else spec.few_shot


def _hash_folder(folder: Path) -> str:
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return compute_digest(
        [[str(path.relative_to(folder)), sha256(path.read_bytes()).hexdigest()] for path in files]
    )
