"""Find the folders `conf` and `questions`, and the files that configure a group in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_resource_folder(name: str) -> Path:
    """Return the folder `conf` or `questions`, in the installed package or at the top of a checkout."""
    package = Path(__file__).parents[1]
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def find_config_file(group: str, name: str, config_dir: Path | None = None) -> Path | None:
    """Return the file that configures a choice in a group (`models`, `judge`, ...), or None.

    Hydra takes a file of ours before one of the user's that has the same name.
    """
    folders = [find_resource_folder("conf"), *([config_dir] if config_dir else [])]
    paths = (folder / group / f"{name}.yaml" for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def list_config_files(group: str, config_dir: Path | None = None) -> tuple[Path, ...]:
    """Return the files of a group, sorted by the names of their choices."""
    folders = [*([config_dir] if config_dir else []), find_resource_folder("conf")]
    found = {path.stem: path for folder in folders for path in (folder / group).glob("*.yaml")}
    return tuple(found[name] for name in sorted(found))


def find_first_comment(lines: Sequence[str]) -> str:
    """Return the first comment of a configuration file, which describes it in one line.

    Args:
        lines: the lines of the file.
    """
    comments = (line[1:].strip() for line in lines if line[:1] == "#")
    return next((text for text in comments if not text.startswith("@package")), "")
