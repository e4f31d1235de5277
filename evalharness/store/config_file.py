"""Read the saved configuration of a run, and check the sections that it must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.domain import RunConfig, check_config_sections
from evalharness.errors import InputError
from evalharness.store.object_files import read_yaml_object

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_FILE = "config.yaml"


def read_run_config(folder: Path) -> dict[str, Any]:
    """Return the saved settings of a run's folder; empty if there are none.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / CONFIG_FILE
    return _read_settings(path) if path.is_file() else {}


def read_checked_config(path: Path) -> RunConfig:
    """Return the saved configuration in a file.

    Raises:
        InputError: the file is damaged, or a value that is used is wrong.
    """
    try:
        return RunConfig.from_tree(_read_settings(path))
    except ValueError as error:
        raise InputError(str(error), path=path) from error


def _read_settings(path: Path) -> dict[str, Any]:
    settings = read_yaml_object(path)
    try:
        check_config_sections(settings)
    except ValueError as error:
        msg = f"{error}; restore the file from a copy"
        raise InputError(msg, path=path) from error
    return settings
