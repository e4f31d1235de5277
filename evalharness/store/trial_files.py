"""Keep the trial verdicts of a run's judges: what they said about a fixed pair before the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.store.jsonl import RecordAppender
from evalharness.store.run_folder import iterate_judgments

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.domain import Judgment

TRIALS_FILE = "trials.jsonl"


def read_trials(folder: Path) -> tuple[Judgment, ...]:
    """Return the trial verdicts of a run's folder in their order; later ones may repeat a digest.

    Raises:
        InputError: the file is damaged.
    """
    return tuple(iterate_judgments(folder / TRIALS_FILE))


def add_trial(folder: Path, judgment: Judgment) -> None:
    """Add a trial verdict to those of a run's folder."""
    appender = RecordAppender(folder / TRIALS_FILE)
    try:
        appender.append(judgment)
    finally:
        appender.close()
