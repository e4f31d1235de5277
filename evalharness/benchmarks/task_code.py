"""List the Python that a folder of tasks would run: lm-eval imports what `!function` names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.errors import InputError
from evalharness.store import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FUNCTION_TAG = "!function"
"""The tag of a function in a task: `!function MODULE.NAME`, of a file beside it or of any package."""


def list_task_code(folder: Path) -> list[str]:
    """Return a line for each function that the tasks in a folder name, with file and line.

    Files that tasks include count as well, wherever they are.

    Raises:
        InputError: a file is no YAML of plain values and functions, or an included file is missing.
    """
    found: list[str] = []
    waiting, seen = sorted(folder.rglob("*.yaml")), set[Path]()
    while waiting:
        path = waiting.pop(0)
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        functions: list[tuple[int, str]] = []
        try:
            content = read_yaml(path, _make_loader(functions), allows_repeated_keys=True)
        except FileNotFoundError as error:
            msg = "there is no such file, though a task includes it"
            raise InputError(msg, path=path) from error
        found += [f"{path}:{line}: {FUNCTION_TAG} {name}" for line, name in functions]
        waiting += [path.parent / name for name in _list_includes(content)]
    return found


def _list_includes(content: Any) -> Iterable[str]:
    included = content.get("include") if isinstance(content, dict) else None
    names: Sequence[Any] = included if isinstance(included, list) else [included]
    return [name for name in names if isinstance(name, str)]


def _make_loader(functions: list[tuple[int, str]]) -> type[yaml.SafeLoader]:
    """Return a safe loader that notes the line and the name of each function."""
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class FunctionLoader(base):  # type: ignore[misc, valid-type]
        """A safe loader with one more tag."""

    def note_function(loader: Any, node: yaml.Node) -> str:
        name = str(loader.construct_scalar(node))
        functions.append((node.start_mark.line + 1, name))
        return name

    FunctionLoader.add_constructor(FUNCTION_TAG, note_function)
    return FunctionLoader
