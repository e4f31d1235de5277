"""What a benchmark needs, found and checked before any model is asked; lm-eval is not imported."""

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
from evalharness.benchmarks.task_index import INSTALL_COMMAND, TaskIndex, index
from evalharness.domain import compute_digest
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import BenchmarkSpec, SuiteSpec

_GENERATES = "generate_until"
_NEEDS = {  # by the folder of lm-eval's tasks: what they import besides
    "leaderboard/math": ("math_verify", "sympy"),
    "leaderboard/ifeval": ("immutabledict", "langdetect", "nltk", "pkg_resources"),
}
_NLTK_DATA = {"leaderboard/ifeval": "punkt_tab"}  # that they fetch, and fail without when scored
_NLTK_SOURCE = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedBenchmark:
    """A benchmark whose tasks and data are there.

    Attributes:
        spec: the benchmark.
        limit: how many examples of each task; None takes all.
        batch_size: for weights on this machine; None finds it.
        folders: where lm-eval finds its tasks; later ones come before earlier ones.
        tasks: the names of its tasks.
        few_shot: examples in the prompt, by task.
        compares: the tasks that compare log-likelihoods.
        hub: the data sets that come from the hub.
        content: a digest of the user's own tasks and data.
        harness_version: of lm-eval.
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
        """The key of all that the figures depend on beside the model."""
        spec = asdict(self.spec)
        del spec["name"]
        return compute_digest([spec, self.limit, self.tasks, self.content, self.harness_version])


def prepare_suite(suite: SuiteSpec) -> tuple[PreparedBenchmark, ...]:
    """Return a suite's benchmarks, their tasks found and their local data converted.

    Raises:
        ConfigError: lm-eval, a task or data is missing, or a group has not the tasks that it should.
        InputError: a file of tasks or data is not as it should be.
    """
    folders = [Path(folder) for folder in suite.folders]
    known = index(folders)
    data_dir = Path(suite.data_dir) if suite.data_dir is not None else None
    installed = harness_version()
    own = [_folder_hash(folder) for folder in folders]
    return tuple(
        _prepare(suite, spec, known, data_dir, own, installed) for spec in suite.benchmarks
    )


def refuse_unreachable_data(ready: PreparedBenchmark) -> None:
    """Refuse data that is neither on this machine nor can be downloaded: the hub's, and nltk's.

    Raises:
        ConfigError: with the ways to give it.
    """
    absent = [path for path in ready.hub if "/" in path and not _is_kept(path)]
    if absent and (obstacle := explain_hub_unavailable()):
        msg = (
            f"benchmarks.{ready.spec.name}: {', '.join(absent)} is not on this machine, and "
            f"{obstacle}\ngive local files: benchmarks.data_dir=DIR"
        )
        raise ConfigError(msg)
    _refuse_without_nltk_data(ready)


def harness_version() -> str:
    """Return lm-eval's version.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return version("lm-eval")
    except PackageNotFoundError as error:
        msg = f"benchmarks need lm-eval, which is not installed: {INSTALL_COMMAND}"
        raise ConfigError(msg) from error


def _prepare(
    suite: SuiteSpec,
    spec: BenchmarkSpec,
    known: TaskIndex,
    data_dir: Path | None,
    own: Sequence[str],
    installed: str,
) -> PreparedBenchmark:
    leaves = known.leaves(spec.task)
    refuse_count(spec, len(leaves))
    if spec.lower_bounds and spec.lower_bounds.keys() != leaves.keys():
        other = ", ".join(sorted(spec.lower_bounds.keys() ^ leaves.keys()))
        msg = f"benchmarks.{spec.name}.lower_bounds: not the tasks of {spec.task}: {other}"
        raise ConfigError(msg)
    _refuse_missing(spec, known.folders(spec.task))
    few_shot = {name: _few_shot(spec, config) for name, config in leaves.items()}
    local, content = write_task_folder(leaves, data_dir, few_shot)
    folders = [*known.folders(spec.task), *([local] if local is not None else [])]
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
            if config.get("output_type", _GENERATES) != _GENERATES or "class" in config
        ),
        hub=() if data_dir is not None else tuple(dict.fromkeys(map(_hub_path, leaves.values()))),
        content=compute_digest([own, content]),
        harness_version=installed,
    )


def refuse_count(spec: BenchmarkSpec, count: int) -> None:
    """Refuse a group that has collapsed, or grown: its mean would not be what its name says.

    Raises:
        ConfigError: with both numbers.
    """
    if spec.tasks is not None and count != spec.tasks:
        msg = f"benchmarks.{spec.name}: {spec.task} has {count} tasks; there must be {spec.tasks}"
        raise ConfigError(msg)


def _refuse_missing(spec: BenchmarkSpec, folders: Sequence[Path]) -> None:
    """Refuse tasks whose own code would fail to be imported.

    Raises:
        ConfigError: with the command that installs what is missing.
    """
    wanted = [module for folder in folders for module in _NEEDS.get(_place(folder), ())]
    missing = [module for module in wanted if importlib.util.find_spec(module) is None]
    if missing:
        msg = (
            f"benchmarks.{spec.name}: {spec.task} needs {', '.join(missing)}: "
            "pip install 'evalharness[leaderboard]'"
        )
        raise ConfigError(msg)


def _refuse_without_nltk_data(ready: PreparedBenchmark) -> None:
    wanted = {_NLTK_DATA[place] for place in map(_place, ready.folders) if place in _NLTK_DATA}
    for name in sorted(wanted):
        if not _nltk_has(name) and not is_url_reachable(_NLTK_SOURCE):
            msg = (
                f"benchmarks.{ready.spec.name}: nltk's {name} is not on this machine, and "
                f"{_NLTK_SOURCE} cannot be reached\nfetch it elsewhere with `python -m "
                f"nltk.downloader -d DIR {name}`, copy DIR here and set NLTK_DATA=DIR"
            )
            raise ConfigError(msg)


def _nltk_has(name: str) -> bool:
    import nltk

    try:
        nltk.data.find(f"tokenizers/{name}")
    except LookupError:
        return False
    return True


def _place(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _hub_path(config: Mapping[str, Any]) -> str:
    return str(config.get("dataset_path") or "")


def _is_kept(path: str) -> bool:
    """Whether a data set is a folder here, or the hub's own library has some of it."""
    if Path(path).exists():
        return True
    home = find_hub_cache()
    prepared = os.environ.get("HF_DATASETS_CACHE") or home.parent / "datasets"
    return (home / f"datasets--{path.replace('/', '--')}").is_dir() or (
        Path(prepared) / path.replace("/", "___")
    ).is_dir()


def _few_shot(spec: BenchmarkSpec, config: Mapping[str, Any]) -> int:
    """Return how many examples lm-eval puts in a task's prompt: a task that says 0 keeps to it."""
    own = config.get("num_fewshot")
    return int(own or 0) if spec.few_shot is None or own == 0 else spec.few_shot


def _folder_hash(folder: Path) -> str:
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return compute_digest(
        [[str(path.relative_to(folder)), sha256(path.read_bytes()).hexdigest()] for path in files]
    )
