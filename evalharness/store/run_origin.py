"""Tell where a run's folder came from: from others, whose settings are a stranger's, or from nobody yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.store.jsonl import list_temporary_files
from evalharness.store.run_folder import (
    ANSWERS_FILE,
    FAILURES_FILE,
    JUDGMENTS_FILE,
    LOCK_FILE,
)

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN_FILE = ".imported"
"""The file that says from which archive a run came; it is no part of the run, or of a bundle."""

BUNDLE_CONTENTS_FILE = "bundle.json"
"""The file with the hashes of a bundle, which an archive that is unpacked by hand leaves in a folder."""


def mark_imported_run(folder: Path, source: Path) -> None:
    """Note in a run's folder that the run came from an archive."""
    (folder / ORIGIN_FILE).write_text(f"{source.name}\n", encoding="utf-8")


def is_imported_run(folder: Path) -> bool:
    """Return whether a run came from a bundle, so that its settings are a stranger's."""
    return any((folder / name).exists() for name in (ORIGIN_FILE, BUNDLE_CONTENTS_FILE))


def is_unused_folder(folder: Path) -> bool:
    """Return whether a folder has nothing but what a process leaves that was killed at the start."""
    if not folder.is_dir():
        return False
    leftovers = {folder / LOCK_FILE, *list_temporary_files(folder)}
    empty = {folder / name for name in (ANSWERS_FILE, JUDGMENTS_FILE, FAILURES_FILE)}
    return all(
        path in leftovers or (path in empty and path.stat().st_size == 0)
        for path in folder.iterdir()
    )
