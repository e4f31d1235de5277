"""Write the manifest and the chat templates of a run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalharness.analysis import DAMAGE
from evalharness.store.jsonl import replace_file
from evalharness.store.manifest_shape import read_manifest_object
from evalharness.store.run_folder import MANIFEST_FILE, TEMPLATES_FILE

DAMAGED_MANIFEST_FILE = f"{MANIFEST_FILE}.damaged"

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def current_timestamp() -> str:
    """Return the current time in the format of run records: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest of a run's folder; keep a copy of a damaged one."""
    path, copy = folder / MANIFEST_FILE, folder / DAMAGED_MANIFEST_FILE
    if content.get(DAMAGE) and path.exists() and not copy.exists():
        replace_file(copy, path.read_bytes())
    _write_json(folder / MANIFEST_FILE, content)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run's folder; empty if there is none yet.

    Raises:
        InputError: an entry has a value that it cannot have.
    """
    return read_manifest_object(folder / MANIFEST_FILE)


def update_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Replace some entries of the manifest of a run's folder, and keep the others."""
    write_manifest(folder, {**read_manifest(folder), **content})


def write_chat_templates(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the chat templates of a run, by digest; write no file if there are none."""
    if texts:
        _write_json(folder / TEMPLATES_FILE, dict(sorted(texts.items())))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    replace_file(path, text.encode())
