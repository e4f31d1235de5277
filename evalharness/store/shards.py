"""Answers that other processes wrote beside a run's folder, brought into it by their keys.

    results/RUN/shards/MODEL/answers/    a run's folder of its own, with one writer of its own

Writers on different machines so never share a file, which file systems over a network do not make
safe. What is there is taken whenever the run's own folder is opened, whole or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock

from evalharness.domain import Answer, Failure
from evalharness.store import jsonl
from evalharness.store.run_folder import ANSWERS, FAILURES, LOCK

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.store.run_folder import RunFolder

FOLDER = "shards"
NAME = "answers"
"""The name of the one run in a shard."""


def shard(run: Path, model: str) -> Path:
    """Return the folder of results into which a model's own process writes."""
    return run / FOLDER / model


def await_writer(place: Path) -> None:
    """Return once nobody writes a shard: a job of an earlier command may do, as queues go on."""
    lock = place / NAME / LOCK
    if lock.is_file():
        with FileLock(lock):
            pass


def gather(folder: RunFolder) -> None:
    """Take what the shards have and the folder lacks: answers, longer answers, failures.

    Raises:
        InputError: a file of a shard is damaged.
    """
    for path in sorted((folder.path / FOLDER).glob(f"*/{NAME}")):
        for answer in jsonl.read_own(path / ANSWERS, Answer):
            kept = folder.answers.get(answer.digest)
            if kept is None or len(kept.turns) < len(answer.turns):
                folder.add_answer(answer)
                folder.settle_failure(answer.digest)
        for failure in jsonl.read_own(path / FAILURES, Failure):
            if folder.failures.get(failure.key) != failure:
                folder.add_failure(failure)
