"""Ask before the Python in a folder of benchmark tasks runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.config.trust.confirmation import TRUST_CODE_OPTION
from evalharness.domain import escape_to_one_line
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_unconfirmed_code(folders: Iterable[str], resources: Path) -> None:
    """Refuse folders of tasks that would run Python, which the user has not confirmed.

    Args:
        folders: the folders of a suite of benchmarks.
        resources: the folder of our own tasks, which need no confirmation.

    Raises:
        ConfigError: with each function, its file and its line.
        InputError: a file in a folder is no YAML of plain values and functions.
    """
    others = [
        path
        for path in map(Path, folders)
        if path.is_dir() and not path.is_relative_to(resources.resolve())
    ]
    if not others:
        return
    from evalharness.benchmarks import list_task_code

    lines = [line for folder in others for line in list_task_code(folder)]
    if lines:
        shown = "\n".join(f"  {escape_to_one_line(line)}" for line in lines)
        msg = (
            f"benchmarks={others[0]}: these tasks run Python of their own:\n{shown}\n"
            f"nothing was done; read it, and repeat the command with {TRUST_CODE_OPTION} if it may run"
        )
        raise ConfigError(msg)
