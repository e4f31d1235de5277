"""Find the folders `conf` and `questions`, and the files that configure a group in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.store import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
    """Return the files of a group, sorted by the names of their choices.

    Raises:
        InputError: a file of the user's is no YAML of plain values.
    """
    check_config_dir(config_dir)
    folders = [*([config_dir] if config_dir else []), find_resource_folder("conf")]
    found = {path.stem: path for folder in folders for path in (folder / group).glob("*.yaml")}
    return tuple(found[name] for name in sorted(found))


def check_config_dir(config_dir: Path | None) -> None:
    """Refuse files of the user's that are no YAML of plain values, before Hydra reads them.

    Raises:
        InputError: with the file, the line, and what is wrong.
    """
    if config_dir is not None:
        _check_groups(config_dir)


def check_packaged_config() -> None:
    """Refuse a file of `conf/` that is no YAML of plain values, as it may be after an edit.

    Raises:
        InputError: with the file, the line, and what is wrong.
    """
    _check_groups(find_resource_folder("conf"))


def _check_groups(folder: Path) -> None:
    groups = [path.name for path in find_resource_folder("conf").iterdir() if path.is_dir()]
    for group in groups:
        for path in sorted((folder / group).glob("*.yaml")):
            stat = path.stat()
            _check_file(path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@cache
def _check_file(path: Path, _version: tuple[int, int, int]) -> None:
    """Check a file once, until it is changed."""
    read_yaml(path)


def read_config_file(path: Path) -> dict[str, Any]:
    """Return the content of a configuration file; empty if it is no mapping in YAML.

    What is wrong with a file is reported when it is composed.
    """
    from omegaconf import OmegaConf  # reads as Hydra does: 1e-3 is a number, a day is text
    from omegaconf.errors import OmegaConfBaseException

    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, yaml.YAMLError, OmegaConfBaseException):
        return {}
    return dict(content) if isinstance(content, dict) else {}  # type: ignore[arg-type]


def list_leaf_paths(content: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted paths of all values in nested mappings.

    Args:
        content: the mappings.
        prefix: the path of `content` itself.
    """
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from list_leaf_paths(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix


def find_first_comment(lines: Sequence[str]) -> str:
    """Return the first comment of a configuration file, which describes it in one line.

    Args:
        lines: the lines of the file.
    """
    comments = (line[1:].strip() for line in lines if line[:1] == "#")
    return next((text for text in comments if not text.startswith("@package")), "")
