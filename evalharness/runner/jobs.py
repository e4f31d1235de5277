"""Split a run into jobs, one per model, and merge what they wrote.

    run -m hydra/launcher=slurm '+models=[vicuna-13b],[alpaca-7b]' run=NAME

Every job runs the verb `answer` with one model, and writes a shard of the run's folder. The command
that launched the jobs then judges their answers. The same command continues jobs that were cut off.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.backends import JobArray, LauncherSettings, run_job_array
from evalharness.config import (
    NO_TRUST,
    find_resource_folder,
    load_settings,
    plan_job_models,
    quote_override_value,
)
from evalharness.domain import RunStage
from evalharness.errors import ConfigError
from evalharness.planner import refuse_missing_judges
from evalharness.store import SHARD_RUN_NAME, SHARDS_FOLDER, locate_shard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from evalharness.config import JobModels, Settings, Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A run that requests the answers of its models in jobs.

    Attributes:
        overrides: the overrides, with the models of each job: `+models=[a],[b]`.
        stages: the stages of the run.
        config_dir: the user's own configuration files.
        flags: options of the command that each job takes as well.
        trust: what the user has confirmed of files that came from others.
    """

    overrides: Sequence[str]
    stages: Sequence[RunStage]
    config_dir: Path | None = None
    flags: Sequence[str] = ()
    trust: Trust = NO_TRUST


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingWork:
    """What is left to do in this process once the jobs have ended.

    Attributes:
        overrides: the overrides of the run with all models.
        stages: the stages that are left.
        problems: a sentence for each job that failed.
    """

    overrides: Sequence[str]
    stages: Sequence[RunStage]
    problems: tuple[str, ...] = ()


def launch_jobs(request: JobRequest, *, print_notice: Callable[[str], None]) -> RemainingWork:
    """Run the jobs and wait for them.

    Args:
        request: the run.
        print_notice: shows a line to the user.

    Raises:
        ConfigError: the models are not named, a judge cannot be called, a launcher is missing, or
            a job was lost.
    """
    hydra = [each for each in request.overrides if each.lstrip("+~").startswith("hydra")]
    jobs, others = _split_models(
        [each for each in request.overrides if each not in hydra], request.config_dir
    )
    overrides = [f"+models=[{','.join(job.value for job in jobs)}]", *others]
    settings = load_settings(overrides, request.config_dir, request.trust)
    _refuse_unready(settings, hydra, request.stages)
    folder = settings.folder.resolve()
    shards = [locate_shard(folder, job.label) for job in jobs]
    names = {key: conf["name"] for key, conf in settings.tree["models"].items()}
    commands = [
        _job_command(job, shard, [*others, *_rename_models(job, names)], request.flags)
        for job, shard in zip(jobs, shards, strict=True)
    ]
    logs = folder / SHARDS_FOLDER / ".jobs"
    launcher = LauncherSettings(
        overrides=[*hydra, f"hydra.sweep.dir={quote_override_value(str(logs))}"],
        conf=find_resource_folder("conf"),
        config_dir=request.config_dir,
        logs=logs,
    )
    failures = run_job_array(JobArray(commands, shards), launcher, print_notice)
    return RemainingWork(
        overrides=[*_drop_overrides(overrides, "run"), f"run={settings.run.name}"],
        stages=[RunStage.JUDGE] if RunStage.JUDGE in request.stages else [],
        problems=_describe_job_failures([job.label for job in jobs], failures),
    )


def _split_models(
    overrides: Sequence[str], config_dir: Path | None
) -> tuple[tuple[JobModels, ...], list[str]]:
    """Return the models of each job, and all other overrides."""
    swept = [each for each in overrides if each.partition("=")[0].lstrip("+") == "models"]
    if len(swept) != 1:
        msg = "-m runs one job per model: name them as '+models=[vicuna-13b],[alpaca-7b]'"
        raise ConfigError(msg)
    jobs = plan_job_models(swept[0].partition("=")[2], config_dir)
    return jobs, [each for each in overrides if each not in swept]


def _refuse_unready(
    settings: Settings, hydra_overrides: Sequence[str], stages: Sequence[RunStage]
) -> None:
    """Refuse a run that would otherwise fail only after hours of jobs."""
    if RunStage.JUDGE in stages:
        refuse_missing_judges(settings.run.judges)
    if settings.run.suite.benchmarks:
        msg = "-m: jobs answer; run benchmarks=... with the verb benchmark, and without -m"
        raise ConfigError(msg)
    if any(limit is not None for limit in (settings.budget.usd, settings.budget.calls)):
        msg = "-m: budget.usd and budget.calls hold in one process; run without -m, or without them"
        raise ConfigError(msg)
    uses_submitit = any("launcher=" in each for each in hydra_overrides)
    if uses_submitit and importlib.util.find_spec("submitit") is None:
        msg = "hydra/launcher: submitit is not installed: pip install 'evalharness[slurm]'"
        raise ConfigError(msg)


def _job_command(
    job: JobModels, shard: Path, overrides: Sequence[str], flags: Sequence[str]
) -> list[str]:
    """Return the arguments of the job that answers for these models into a shard."""
    own = _drop_overrides(job.select_overrides(overrides), "run", "results")
    results = f"results={quote_override_value(str(shard))}"
    return ["answer", f"+models=[{job.value}]", *own, results, f"run={SHARD_RUN_NAME}", *flags]


def _rename_models(job: JobModels, names: Mapping[str, str]) -> list[str]:
    """Return overrides with which a job names its models as the whole run does.

    Models of equal names get longer ones where they meet, and in a job they may not meet.
    """
    return [
        f"models.{key}.name={quote_override_value(name)}"
        for key, name in job.list_renamed(names).items()
    ]


def _drop_overrides(overrides: Sequence[str], *keys: str) -> list[str]:
    return [each for each in overrides if each.partition("=")[0].lstrip("+") not in keys]


def _describe_job_failures(models: Sequence[str], failures: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        f"job {name}: {reason}" for name, reason in zip(models, failures, strict=True) if reason
    )
