"""The names of models and judges in the lists of defaults of the user's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.config.names.written_name import split_names
from evalharness.config.resource_folders import find_config_file, read_config_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_NAMED = ("models", "judge")


def list_experiment_names(
    overrides: Sequence[str], config_dir: Path | None
) -> Iterator[tuple[str, str]]:
    """Yield the group (`models` or `judge`) and each name in the experiments that are chosen.

    Args:
        overrides: the overrides of the command.
        config_dir: the user's own configuration files.
    """
    for override in overrides:
        key, _, value = override.partition("=")
        if key.lstrip("+") == "experiment":
            for name in split_names(value):
                yield from list_names_in_file("experiment", name, config_dir)


def list_names_in_file(group: str, name: str, config_dir: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the group and each name in the list of defaults of one file of the user's.

    Args:
        group: the group of the file.
        name: its name in the group.
        config_dir: the user's own configuration files; ours name files only.
    """
    path = find_config_file(group, name, config_dir)
    if path is None or config_dir is None or config_dir not in path.parents:
        return
    defaults = read_config_file(path).get("defaults")
    for item in defaults if isinstance(defaults, list) else ():
        for key, value in item.items() if isinstance(item, dict) else ():
            chosen = str(key).removeprefix("override ").strip().lstrip("/").partition("@")[0]
            if chosen in _NAMED:
                values = value if isinstance(value, list) else [value]
                yield from ((chosen, each) for each in values if isinstance(each, str))
