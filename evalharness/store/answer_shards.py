"""Answers that other processes wrote beside a run's folder, brought into it by their keys.

    results/RUN/shards/MODEL/answers/    a run's folder of its own, with one writer of its own

Writers on different machines so never share a file, which file systems over a network do not make
safe. What is there is taken whenever the run's own folder is opened, whole or not.
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
"""The name of the one run in a shard."""


def locate_shard(run: Path, model: str) -> Path:
    """Return the folder of results into which a model's own process writes."""
    return run / SHARDS_FOLDER / model


def wait_for_shard_writer(place: Path) -> None:
    """Return once nobody writes a shard: a job of an earlier command may do, as queues go on."""
    lock = place / SHARD_RUN_NAME / LOCK_FILE
    if lock.is_file():
        with FileLock(lock):
            pass


def merge_shards(folder: RunFolder) -> None:
    """Take what the shards have and the folder lacks: answers, longer answers, failures.

    Raises:
        InputError: a file of a shard is damaged.
    """
    for path in sorted((folder.path / SHARDS_FOLDER).glob(f"*/{SHARD_RUN_NAME}")):
        for answer in read_records(path / ANSWERS_FILE, Answer):
            kept = folder.answers.get(answer.digest)
            if kept is None or len(kept.turns) < len(answer.turns):
                folder.add_answer(answer)
                folder.drop_failure(answer.digest)
        for failure in read_records(path / FAILURES_FILE, Failure):
            if folder.failures.get(failure.key) != failure:
                folder.add_failure(failure)
