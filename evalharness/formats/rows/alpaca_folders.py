"""Find the folder that is named like the model of AlpacaEval's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalharness.formats.rows.imported_records import ImportedRecords

_LEVELS_BY_FILE = {"model_outputs.json": 1, "annotations.json": 2}
"""How far above a file is the folder that is named like its model."""


def find_model_folder(path: Path) -> str:
    """Return the name of the folder that is named like the model of a file; empty for no folder."""
    levels = _LEVELS_BY_FILE.get(path.name)
    return path.parents[levels - 1].name if levels and len(path.parents) >= levels else ""


def name_models_by_folder(
    generators: Mapping[Path, str], imported: ImportedRecords
) -> dict[Path, dict[str, str]]:
    """Return new names of generators by file, where several folders share one generator.

    The folder that is named like the generator keeps its name.
    """
    folders: dict[str, set[str]] = {}
    for path, generator in generators.items():
        if folder := find_model_folder(path):
            folders.setdefault(generator, set()).add(folder)
    found: dict[Path, dict[str, str]] = {}
    for path, generator in generators.items():
        folder = find_model_folder(path)
        if folder and folder != generator and len(folders[generator]) > 1:
            found[path] = {generator: folder}
            reason = (
                f"its generator is {generator}, as in {len(folders[generator]) - 1} other folders"
            )
            imported.warnings.append(f"{path}: {reason}; the folder's name, {folder}, is taken")
    return found
