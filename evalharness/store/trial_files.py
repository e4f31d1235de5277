"""Keep the trial verdicts of a run's judges: what they said about a fixed pair before the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.store.jsonl import write_records
from evalharness.store.run_folder import read_judgments

if TYPE_CHECKING:
    from pathlib import Path

    from evalharness.domain import Judgment

TRIALS_FILE = "trials.jsonl"


def read_trials(folder: Path) -> dict[str, Judgment]:
    """Return the trial verdicts of a run's folder, by digest.

    Raises:
        InputError: the file is damaged.
    """
    return read_judgments(folder / TRIALS_FILE)


def add_trial(folder: Path, judgment: Judgment) -> None:
    """Add a trial verdict to those of a run's folder."""
    kept = read_trials(folder) | {judgment.digest: judgment}
    write_records(folder / TRIALS_FILE, sorted(kept.values(), key=lambda row: row.digest))
