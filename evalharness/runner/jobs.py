"""`-m`: one job a model, by any of Hydra's launchers; what the jobs wrote is one run.

    run -m hydra/launcher=slurm '+models=[vicuna-13b],[alpaca-7b]' run=NAME

Every job is this program again, `answer` with one model, and writes a shard of the run's folder
(see `store.shards`). The command that launched them then judges what they wrote. A job that was cut
off, or this command, is continued by the same command.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.cli import print_problems
from evalharness.config import Settings, find_resource_folder, load_settings, quote_override_value
from evalharness.domain import RunStage
from evalharness.errors import ConfigError
from evalharness.planner import refuse_missing_judges
from evalharness.store import SHARD_RUN_NAME, SHARDS_FOLDER, locate_shard, wait_for_shard_writer

if TYPE_CHECKING:
    from collections.abc import Sequence

MULTIRUN_FLAGS = ("-m", "--multirun")
_MAX_STDERR_CHARS = 300
_SUBMITIT_FOLDER = ".submitit"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingWork:
    """What is left to be done here once the jobs have ended.

    Attributes:
        arguments: of the command over all models.
        stages: what it does.
        problems: sentences about jobs that did not end well.
    """

    arguments: Sequence[str]
    stages: Sequence[RunStage]
    problems: tuple[str, ...] = ()


def launch_jobs(arguments: Sequence[str], stages: Sequence[str]) -> RemainingWork:
    """Run the jobs that `-m` asks for and wait for them; without it, everything is left.

    Raises:
        ConfigError: the models are not named, a judge cannot be asked, a launcher is missing.
    """
    if not set(MULTIRUN_FLAGS) & set(arguments):
        return RemainingWork(arguments=arguments, stages=[RunStage(stage) for stage in stages])
    given = _parse_arguments(arguments)
    launcher = [each for each in given.overrides if each.lstrip("+~").startswith("hydra")]
    models, own = _split_models([each for each in given.overrides if each not in launcher])
    flags = ["--config-dir", str(given.config_dir)] if given.config_dir else []
    flags += ["--retry-failed"] if given.retry_failed else []
    everything = [f"+models=[{','.join(models.values())}]", *own]
    settings = load_settings(everything, given.config_dir)
    _refuse_unready(settings, launcher, stages)
    folder = settings.folder.resolve()
    commands, places = [], [locate_shard(folder, name) for name in models]
    for place, names in zip(places, models.values(), strict=True):
        results = f"results={quote_override_value(str(place))}"
        settled = _drop_overrides(_job_overrides(own, names.split(",")), "run", "results")
        commands.append(
            ["answer", f"+models=[{names}]", *settled, results, f"run={SHARD_RUN_NAME}", *flags]
        )
    ended = _run_jobs(JobArray(commands, places), launcher, folder, given.config_dir)
    problems = tuple(
        f"job {name}: {said}" for name, said in zip(models, ended, strict=True) if said
    )
    return RemainingWork(
        arguments=[*_drop_overrides(everything, "run"), f"run={settings.run.name}", *flags],
        stages=[RunStage.JUDGE] if RunStage.JUDGE in stages else [],
        problems=problems,
    )


class JobArray:
    """The task of all jobs, as launchers call it, perhaps on another machine."""

    def __init__(self, commands: list[list[str]], places: list[Path]) -> None:
        self._commands = commands
        self._shards = places
        self._place = str(Path.cwd())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._commands)

    def __call__(self, conf: Any) -> str:
        """Do the job of that number; return what went wrong, or nothing."""
        wait_for_shard_writer(self._shards[conf.job])
        command = [sys.executable, "-m", "evalharness", *self._commands[conf.job]]
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=self._place, stderr=subprocess.PIPE, text=True, check=False
        )
        sys.stderr.write(done.stderr)
        if done.returncode in (0, 1):  # what failed is listed in its shard
            return ""
        return f"ended with code {done.returncode}: {' '.join(done.stderr.split())[-_MAX_STDERR_CHARS:]}"


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evalharness run -m", add_help=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument(*MULTIRUN_FLAGS, action="store_true")
    parser.add_argument("--retry-failed", action="store_true")
    parser.add_argument("--config-dir", type=Path)
    return parser.parse_intermixed_args(arguments)


def _split_models(overrides: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the models of each job by a name for its shard, and all other overrides."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    swept = [each for each in overrides if each.partition("=")[0].lstrip("+") == "models"]
    if len(swept) != 1:
        msg = "-m runs one job a model: name them as '+models=[vicuna-13b],[alpaca-7b]'"
        raise ConfigError(msg)
    override = OverridesParser.create().parse_override(swept[0])
    whole = swept[0].partition("=")[2]
    texts = list(override.sweep_string_iterator()) if override.is_sweep_override() else [whole]
    groups = [text.strip("[] ").replace(" ", "") for text in texts]
    named = {re.sub(r"[^\w.-]+", "+", group): group for group in groups}
    return named, [each for each in overrides if each not in swept]


def _refuse_unready(settings: Settings, launcher: Sequence[str], stages: Sequence[str]) -> None:
    """Refuse what would only come to light when hours of jobs have passed."""
    if RunStage.JUDGE in stages:
        refuse_missing_judges(settings.run)
    if settings.run.suite.benchmarks:
        msg = "-m: jobs answer; run benchmarks=... with the verb benchmark, and without -m"
        raise ConfigError(msg)
    if any(limit is not None for limit in (settings.budget.usd, settings.budget.calls)):
        msg = "-m: budget.usd and budget.calls hold in one process; run without -m, or without them"
        raise ConfigError(msg)
    wants_submitit = any("launcher=" in each for each in launcher)
    if wants_submitit and importlib.util.find_spec("submitit") is None:
        msg = "hydra/launcher: submitit is not installed: pip install 'evalharness[slurm]'"
        raise ConfigError(msg)


def _job_overrides(overrides: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the overrides without those of models that the job does not know."""
    return [
        each
        for each in overrides
        if not each.lstrip("+~").startswith("models.") or each.split(".")[1] in names
    ]


def _drop_overrides(overrides: Sequence[str], *keys: str) -> list[str]:
    return [each for each in overrides if each.partition("=")[0].lstrip("+") not in keys]


def _run_jobs(
    jobs: JobArray, launcher: Sequence[str], folder: Path, config_dir: Path | None
) -> list[str]:
    """Return what each job said of its end; nothing where it ended well.

    Raises:
        ConfigError: Hydra does not take the launcher's settings, or a job was lost.
    """
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException

    logs = folder / SHARDS_FOLDER / ".jobs"
    path = create_config_search_path(str(find_resource_folder("conf").resolve()))
    if config_dir is not None:
        path.prepend("evalharness-user", f"file://{config_dir.resolve()}")
    numbers = ",".join(map(str, range(len(jobs))))
    overrides = [f"job={numbers}", *launcher, f"hydra.sweep.dir={quote_override_value(str(logs))}"]
    before, is_queue = _submitted_jobs(logs), any("slurm" in each for each in launcher)
    GlobalHydra.instance().clear()
    try:
        hydra = Hydra.create_main_hydra2("evalharness", path)
        returned = hydra.multirun("jobs", jobs, overrides, with_log_configuration=False)
        return [str(job.return_value) for batch in returned for job in batch]
    except HydraException as error:
        msg = f"hydra/launcher: {' '.join(str(error).split())}"
        raise ConfigError(msg) from error
    except KeyboardInterrupt:
        if is_queue and (queued := _submitted_jobs(logs) - before):
            names = " ".join(sorted({each.partition("_")[0] for each in queued}))
            print_problems([f"the jobs go on in their queue: scancel {names} ends them"])
        raise
    except Exception as error:  # whatever a queue makes of a job that it lost
        if is_queue and len(queued := _submitted_jobs(logs) - before) == len(jobs):
            return [_await_job(name, logs) for name in sorted(queued, key=_array_index)]
        said = str(error).strip().rpartition("\n")[2].strip() or type(error).__name__
        msg = f"a job was lost: {said}; the logs are in {logs}, and the same command goes on"
        raise ConfigError(msg) from error
    finally:
        GlobalHydra.instance().clear()


def _submitted_jobs(logs: Path) -> set[str]:
    """Return the names of SLURM's jobs that were ever submitted here: 12_0, 12_1, or 13 alone."""
    return {path.parent.name for path in (logs / _SUBMITIT_FOLDER).glob("*/*_submitted.pkl")}


def _array_index(name: str) -> int:
    return int(name.partition("_")[2] or 0)


def _await_job(name: str, logs: Path) -> str:
    """Wait for a job, and return what it said of its end, or that it was lost."""
    import submitit

    job: submitit.Job[Any] = submitit.SlurmJob(logs / _SUBMITIT_FOLDER / "%j", name)
    try:
        return str(job.result().return_value)
    except Exception:  # noqa: BLE001 - the queue's edge: whatever became of one, others are waited for
        return (
            f"was lost by its queue ({job.state}): its log is in {logs / _SUBMITIT_FOLDER / name}"
        )
