"""Merge the answers of a cluster's jobs into a run's folder.

    results/RUN/shards/MODEL/answers/    the folder of one job, as for a run

Each job writes to its own folder, because several machines cannot safely write to one file on a
network file system. The answers are merged whenever the run's folder is opened; a shard may
still be incomplete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock

from evalharness.domain import Answer, Failure
from evalharness.store.jsonl import read_records
from evalharness.store.run_folder import ANSWERS_FILE, FAILURES_FILE, LOCK_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.store.run_folder import RunFolder

SHARDS_FOLDER = "shards"
SHARD_RUN_NAME = "answers"
"""The name of the only run in a shard."""


def locate_shard(run: Path, model: str) -> Path:
    """Return the results folder of the job that writes a model's answers."""
    return run / SHARDS_FOLDER / model


def wait_for_shard_writer(shard: Path) -> None:
    """Wait until no process writes to a shard; a job of an earlier command may still be running."""
    lock = shard / SHARD_RUN_NAME / LOCK_FILE
    if lock.is_file():
        with FileLock(lock):
            pass


def merge_shards(folder: RunFolder) -> None:
    """Copy answers, longer answers and failures from the shards into the folder.

    Raises:
        InputError: a file of a shard is damaged.
    """
    for path in sorted((folder.path / SHARDS_FOLDER).glob(f"*/{SHARD_RUN_NAME}")):
        for answer in read_records(path / ANSWERS_FILE, Answer):
            existing = folder.answers.get(answer.digest)
            if existing is None or len(existing.turns) < len(answer.turns):
                folder.add_answer(answer)
                folder.drop_failure(answer.digest)
        for failure in read_records(path / FAILURES_FILE, Failure):
            if folder.failures.get(failure.key) != failure:
                folder.add_failure(failure)
