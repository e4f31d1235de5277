"""Check the suite of standard benchmarks: a configured one, or one made of named tasks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.config.schema import BenchmarkConf
from evalharness.domain import BenchmarkSpec, SuiteSpec
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MEAN_KINDS = ("tasks", "group")


def custom_suite_overrides(value: str) -> list[str]:
    """Return the overrides for `benchmarks=VALUE` if VALUE is not the name of a suite.

    VALUE is a task of lm-eval, a list of tasks, or a folder with the user's own tasks.

    Raises:
        ConfigError: there is no such folder, it has no tasks, or a name is malformed.
    """
    if "/" in value:
        folder = Path(value)
        if not folder.is_dir():
            msg = f"benchmarks={value}: there is no such folder"
            raise ConfigError(msg)
        names = _find_folder_tasks(folder)
        return ["benchmarks=custom", f"benchmarks.folders=['{value}']", _names_override(names)]
    return [
        "benchmarks=custom",
        _names_override([name.strip() for name in value.strip("[]").split(",")]),
    ]


def build_suite_spec(conf: Mapping[str, Any], resources: Path) -> SuiteSpec:
    """Return the suite of benchmarks.

    Args:
        conf: the section `benchmarks` of the configuration.
        resources: the folder that holds the task folders of the package.

    Raises:
        ConfigError: a value is out of its range.
    """
    for name in ("limit", "batch_size"):
        if conf[name] is not None and conf[name] < 1:
            msg = f"benchmarks.{name}={conf[name]}: must be at least 1"
            raise ConfigError(msg)
    defaults = asdict(BenchmarkConf())
    tasks = conf["tasks"] | {name: defaults for name in conf["names"] if name not in conf["tasks"]}
    return SuiteSpec(
        name=conf["name"],
        benchmarks=tuple(_build_benchmark(name, task, conf) for name, task in tasks.items()),
        average=conf["average"],
        data_dir=conf["data_dir"],
        folders=tuple(str(_resolve_task_folder(name, resources)) for name in conf["folders"]),
        limit=conf["limit"],
        batch_size=conf["batch_size"],
        published=conf["published"],
    )


def _build_benchmark(name: str, conf: Mapping[str, Any], suite: Mapping[str, Any]) -> BenchmarkSpec:
    place = f"benchmarks.tasks.{name}"
    few_shot = conf["few_shot"] if suite["few_shot"] is None else suite["few_shot"]
    if few_shot is not None and few_shot < 0:
        msg = f"benchmarks.few_shot={few_shot}: must be 0 or more"
        raise ConfigError(msg)
    if conf["mean"] not in _MEAN_KINDS:
        msg = f"{place}.mean={conf['mean']}: must be one of {', '.join(_MEAN_KINDS)}"
        raise ConfigError(msg)
    bounds = [*conf["lower_bounds"].values(), conf["lower_bound"] or 0.0]
    if not all(0 <= bound < 1 for bound in bounds):
        msg = f"{place}: lower bounds are shares from 0 to below 1"
        raise ConfigError(msg)
    uses_chat_template = (
        suite["chat_template"] if conf["chat_template"] is None else conf["chat_template"]
    )
    return BenchmarkSpec(
        name=name,
        task=conf["task"] or name,
        few_shot=few_shot,
        metrics=tuple(conf["metrics"]),
        tasks=conf["tasks"],
        mean=conf["mean"],
        lower_bound=conf["lower_bound"],
        lower_bounds=dict(conf["lower_bounds"]),
        chat_template=uses_chat_template,
    )


def _names_override(names: Sequence[str]) -> str:
    for name in names:
        if not name or not all(letter.isalnum() or letter in "_-" for letter in name):
            msg = f"benchmarks: {name!r} is no name of a task; separate names by commas: [a,b]"
            raise ConfigError(msg)
    return f"benchmarks.names=[{','.join(names)}]"


def _find_folder_tasks(folder: Path) -> list[str]:
    """Return the tasks and groups in a folder, without the tasks that belong to a group."""
    from evalharness.benchmarks import list_folder_tasks

    names = list_folder_tasks(folder)
    if not names:
        msg = f"benchmarks={folder}: there is no task in this folder (a .yaml file with task: NAME)"
        raise ConfigError(msg)
    return names


def _resolve_task_folder(name: str, resources: Path) -> Path:
    """Return the path of a folder of tasks: the user's, else the one in the package."""
    path = Path(name)
    packaged = resources / name
    return (packaged if not path.exists() and packaged.is_dir() else path).resolve()
