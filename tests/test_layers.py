"""The tree of the package is its architecture: rooms, their order, and what each may touch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evalharness"
ROOMS = (
    "cli",
    "exchange",
    "runner",
    "planner",
    "report",
    "config",
    "benchmarks",
    "backends",
    "formats",
    "store",
    "analysis",
    "judge",
    "stats",
    "domain",
)
"""From the top floor down: a room imports only the rooms below it."""

STILL_IMPORT_THE_CLI = {
    "exchange/bundle/verify.py",
}
"""Modules whose printing has yet to move up to the verbs."""

PURE_ROOMS = {"analysis", "judge", "stats", "domain"}
PURE_MAY_NOT = {"os", "pathlib", "time", "datetime", "socket", "sqlite3", "subprocess"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    """Return the room in which a module stands; nothing for the package's root."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def _imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _identify(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_rooms_are_the_folders_of_the_package():
    """A folder that is not in the order, or an order without a folder, says nothing."""
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert folders == set(ROOMS)


@pytest.mark.parametrize("path", [path for path in MODULES if _room(path)], ids=_identify)
def test_a_room_imports_only_rooms_below_it(path):
    """Whoever changes a room need not look at those below it."""
    above = ROOMS[: ROOMS.index(_room(path))]
    imported = {name.split(".")[1] for name in _imports(path) if name.startswith("evalharness.")}
    if _identify(path) in STILL_IMPORT_THE_CLI:
        imported.discard("cli")

    assert imported & set(above) == set()


@pytest.mark.parametrize("path", [path for path in MODULES if _room(path)], ids=_identify)
def test_a_module_imports_from_the_face_of_another_room(path):
    """What a room shows to others stands in one place: its `__init__`."""
    inner = [name.split(".") for name in _imports(path) if name.startswith("evalharness.")]
    past_the_face = {
        ".".join(parts)
        for parts in inner
        if parts[1] not in {_room(path), "errors"} and len(parts) > len(("package", "room", "name"))
    }

    assert past_the_face == set()


@pytest.mark.parametrize("path", [p for p in MODULES if _room(p) in PURE_ROOMS], ids=_identify)
def test_the_pure_rooms_read_no_file_clock_or_environment(path):
    """Statistics and prompts depend on their arguments alone, so they can be checked."""
    tops = {name.split(".")[0] for name in _imports(path)}

    assert tops & PURE_MAY_NOT == set()


def test_importing_the_package_or_its_command_line_loads_nothing_heavy():
    """`import evalharness` and `--help` answer at once."""
    code = "import sys, evalharness, evalharness.cli.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    heavy = {"torch", "transformers", "lm_eval", "pandas", "scipy", "plotly", "openai", "hydra"}
    assert heavy & set(loaded) == set()
