"""Run commands of this program as jobs, one process each, by any launcher of Hydra's.

A launcher may run the jobs here one after another, or submit them to a queue (SLURM by submitit).
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.errors import ConfigError
from evalharness.store import wait_for_shard_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAX_STDERR_CHARS = 300
_SUBMITIT_FOLDER = ".submitit"


class JobArray:
    """The jobs as launchers call them, perhaps on another machine."""

    def __init__(self, commands: Sequence[Sequence[str]], shards: Sequence[Path]) -> None:
        """Prepare a job for each command.

        Args:
            commands: the arguments of this program, for each job.
            shards: the folder that each job writes; a job waits for an earlier writer of its own.
        """
        self._commands = commands
        self._shards = shards
        self._working_directory = str(Path.cwd())

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self._commands)

    def __call__(self, conf: Any) -> str:
        """Run the job of the number `conf.job`; return why it failed, or an empty string."""
        wait_for_shard_writer(self._shards[conf.job])
        command = [sys.executable, "-m", "evalharness", *self._commands[conf.job]]
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=self._working_directory, stderr=subprocess.PIPE, text=True, check=False
        )
        sys.stderr.write(done.stderr)
        if done.returncode in (0, 1):  # the shard lists what failed
            return ""
        return (
            f"ended with code {done.returncode}: "
            f"{' '.join(done.stderr.split())[-_MAX_STDERR_CHARS:]}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherSettings:
    """Where Hydra finds a launcher, and with which settings.

    Attributes:
        overrides: Hydra's own, such as `hydra/launcher=slurm`.
        conf: the folder of our configuration files.
        config_dir: the folder of the user's configuration files, if any.
        logs: the folder in which launchers write their logs.
    """

    overrides: Sequence[str]
    conf: Path
    config_dir: Path | None
    logs: Path

    @property
    def is_queue(self) -> bool:
        """Whether jobs go to a queue, and outlive this process."""
        return any("slurm" in each for each in self.overrides)


def run_job_array(
    jobs: JobArray, launcher: LauncherSettings, print_notice: Callable[[str], None]
) -> list[str]:
    """Run the jobs, wait for all, and return why each failed; empty strings for the others.

    Args:
        jobs: what is run.
        launcher: how it is run.
        print_notice: shows a line when the user interrupts while jobs are in a queue.

    Raises:
        ConfigError: Hydra does not accept the launcher's settings, or a job was lost.
    """
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException

    before = _list_submitted(launcher.logs)
    GlobalHydra.instance().clear()
    try:
        return _launch(jobs, launcher)
    except HydraException as error:
        msg = f"hydra/launcher: {' '.join(str(error).split())}"
        raise ConfigError(msg) from error
    except KeyboardInterrupt:
        if launcher.is_queue and (queued := _list_submitted(launcher.logs) - before):
            names = " ".join(sorted({each.partition("_")[0] for each in queued}))
            print_notice(f"the jobs go on in their queue: scancel {names} ends them")
        raise
    except Exception as error:  # a queue may raise anything about a job that it lost
        queued = _list_submitted(launcher.logs) - before
        if launcher.is_queue and len(queued) == len(jobs):
            return [_await_job(name, launcher.logs) for name in sorted(queued, key=_array_index)]
        reason = str(error).strip().rpartition("\n")[2].strip() or type(error).__name__
        msg = (
            f"a job was lost: {reason}; the logs are in {launcher.logs}, and the same command "
            "goes on"
        )
        raise ConfigError(msg) from error
    finally:
        GlobalHydra.instance().clear()


def _launch(jobs: JobArray, launcher: LauncherSettings) -> list[str]:
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path

    path = create_config_search_path(str(launcher.conf.resolve()))
    if launcher.config_dir is not None:
        path.prepend("evalharness-user", f"file://{launcher.config_dir.resolve()}")
    numbers = ",".join(map(str, range(len(jobs))))
    hydra = Hydra.create_main_hydra2("evalharness", path)
    returned = hydra.multirun(
        "jobs", jobs, [f"job={numbers}", *launcher.overrides], with_log_configuration=False
    )
    return [str(job.return_value) for batch in returned for job in batch]


def _list_submitted(logs: Path) -> set[str]:
    """Return the names of all SLURM jobs ever submitted here: 12_0 and 12_1, or 13 alone."""
    return {path.parent.name for path in (logs / _SUBMITIT_FOLDER).glob("*/*_submitted.pkl")}


def _array_index(name: str) -> int:
    return int(name.partition("_")[2] or 0)


def _await_job(name: str, logs: Path) -> str:
    """Wait for a SLURM job; return why it failed, or that the queue lost it."""
    import submitit

    job: submitit.Job[Any] = submitit.SlurmJob(logs / _SUBMITIT_FOLDER / "%j", name)
    try:
        return str(job.result().return_value)
    except Exception:  # noqa: BLE001 - the queue's edge: the other jobs are still waited for
        return (
            f"was lost by its queue ({job.state}): its log is in {logs / _SUBMITIT_FOLDER / name}"
        )
