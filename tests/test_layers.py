"""The tree of the package is its architecture: rooms, their order, and what each may touch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from graphlib import CycleError, TopologicalSorter
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

EDGES = {"cli", "exchange", "report", "config", "benchmarks", "backends", "formats", "store"}
"""The rooms that touch files, sockets, the environment and the clock; no other room does."""

PURE_ROOMS = {"analysis", "judge", "stats", "domain"}
"""The rooms that do not know of paths either."""

ROOT_MODULES = {"__init__", "__main__", "errors"}
MAX_MODULES = 20
MAX_LINES = 300
NOUNS_IN_ING = {"encoding", "ranking", "rating", "reading", "sampling", "scaling", "setting"}
VAGUE_NAMES = {"base", "common", "core", "helpers", "misc", "shared", "tools", "util", "utils"}

OUTSIDE_MODULES = {
    "aiohttp",
    "datetime",
    "filelock",
    "glob",
    "os",
    "requests",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "time",
}
PATH_METHODS = {
    "exists",
    "glob",
    "is_dir",
    "is_file",
    "iterdir",
    "mkdir",
    "open",
    "read_bytes",
    "read_text",
    "rglob",
    "stat",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
}

TESTS = Path(__file__).parent
OTHER_TESTS = {"docs", "performance", "questions", "support"}
"""Folders of tests that mirror no room: of the documentation, of questions, and helpers."""

TREES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
ROOM_TREES = {path: tree for path, tree in TREES.items() if path.parent != PACKAGE}
FOLDERS = sorted({path.parent for path in ROOM_TREES})


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def _relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def _dotted_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULE_NAMES = {_dotted_name(path) for path in TREES}


def _imported_names(tree: ast.Module) -> set[str]:
    """Return the dotted names below the package that a module imports, also inside functions."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("evalharness.")}


def _imported_modules(tree: ast.Module) -> set[str]:
    """Return the modules of the package that a module imports."""
    names = _imported_names(tree)
    return {name if name in MODULE_NAMES else name.rpartition(".")[0] for name in names}


def _face(room: str) -> list[tuple[str, str]]:
    """Return the public names of a room, each with the module that defines it."""
    tree = ast.parse((PACKAGE / room / "__init__.pyi").read_text("utf-8"))
    return [
        (alias.asname or alias.name, node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    ]


def _outside_access(tree: ast.Module) -> set[str]:
    """Return the imports and calls with which a module touches files, network, clock or variables."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                found |= {alias.name for alias in aliases if _is_outside(alias.name)}
            case ast.ImportFrom(module=str(name)) if _is_outside(name):
                found.add(name)
            case ast.Call(func=ast.Name(id="open")):
                found.add("open()")
            case ast.Call(func=ast.Attribute(attr=method, value=value)) if method in PATH_METHODS:
                is_class = isinstance(value, ast.Name) and value.id[0].isupper()
                found |= set() if is_class else {f".{method}()"}  # RunFolder.open is the store's
    return found


def _is_outside(module: str) -> bool:
    return module.partition(".")[0] in OUTSIDE_MODULES


def test_the_rooms_are_the_folders_of_the_package():
    """An order without a folder, or a folder outside the order, says nothing."""
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(ROOMS)
    assert {path.stem for path in PACKAGE.glob("*.py")} == ROOT_MODULES


def test_a_room_imports_only_rooms_below_it():
    """Whoever changes a room need not look at those below it."""
    upward = {
        _relative(path): above
        for path, tree in ROOM_TREES.items()
        if (above := _rooms_of(tree) & set(ROOMS[: ROOMS.index(_room(path))]))
    }

    assert upward == {}


def _rooms_of(tree: ast.Module) -> set[str]:
    return {name.split(".")[1] for name in _imported_names(tree)}


def test_a_room_is_imported_through_its_face():
    """What a room shows to others stands in one place: its `__init__`."""
    past_the_face = defaultdict(set)
    for path, tree in ROOM_TREES.items():
        for name in _imported_names(tree):
            _, room, *inner = name.split(".")
            if room not in {_room(path), "errors"} and len(inner) > 1:
                past_the_face[_relative(path)].add(name)

    assert past_the_face == {}


def test_modules_import_each_other_in_no_circle():
    """A module can be read, and loaded, once those that it imports are."""
    graph = {
        _dotted_name(path): _imported_modules(tree) - {_dotted_name(path)}
        for path, tree in TREES.items()
    }

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_only_the_edges_touch_files_sockets_environment_and_clock():
    """The other rooms depend on what they are handed, so they can be checked and reused."""
    found = {
        _relative(path): access
        for path, tree in ROOM_TREES.items()
        if _room(path) not in EDGES and (access := _outside_access(tree))
    }
    with_paths = [
        _relative(path)
        for path, tree in ROOM_TREES.items()
        if _room(path) in PURE_ROOMS and "pathlib" in ast.unparse(tree)
    ]

    assert found == {}
    assert with_paths == []


def test_lm_eval_is_imported_in_benchmarks_alone():
    """Another release of lm-eval changes one room."""
    importing = {
        _room(path)
        for path, tree in ROOM_TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "lm_eval" in ast.unparse(node)
    }

    assert importing <= {"benchmarks"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_names_each_thing_once_and_hides_no_module(room):
    """A function called as a module of its room would replace it, and an import would not say which."""
    names = [name for name, _ in _face(room)]
    inner = {path.stem for path in (PACKAGE / room).iterdir() if path.name[0] != "_"}

    assert [name for name, times in Counter(names).items() if times > 1] == []
    assert set(names) & inner == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_shows_what_its_modules_define(room):
    """A name whose module has gone fails here, and not when somebody asks for it."""
    missing = []
    for name, module in _face(room):
        stem = PACKAGE / room / module.replace(".", "/")
        path = (
            stem.with_suffix(".py") if stem.with_suffix(".py").is_file() else stem / "__init__.py"
        )
        if path not in TREES or name not in _defined_names(TREES[path]):
            missing.append(f"{module}:{name}")

    assert missing == []


def _defined_names(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name)
    return found


def test_a_class_name_stands_for_one_thing():
    """A reader who searches for a class finds one."""
    homes = defaultdict(list)
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name.lstrip("_")].append(_relative(path))

    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_folders_and_files_stay_small():
    """More modules are a family that wants a folder; a longer file has two subjects."""
    many = {_relative(folder): len(_modules_in(folder)) for folder in FOLDERS}
    long = {_relative(path): len(path.read_text("utf-8").splitlines()) for path in TREES}

    assert {name: number for name, number in many.items() if number > MAX_MODULES} == {}
    assert {name: number for name, number in long.items() if number > MAX_LINES} == {}


def _modules_in(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.py") if path.stem != "__init__"]


def test_a_module_is_a_noun_that_says_what_it_holds():
    """A gerund names an activity, and `utils` nothing."""
    stems = {path: path.stem.strip("_") for path in TREES}
    gerunds = [
        _relative(path)
        for path, stem in stems.items()
        if (word := stem.rpartition("_")[2]).endswith("ing") and word not in NOUNS_IN_ING
    ]

    assert gerunds == []
    assert [_relative(path) for path, stem in stems.items() if stem in VAGUE_NAMES] == []


def test_the_tests_mirror_the_package():
    """The tests of a module are found from its path."""
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    mirrored = {folder for folder in folders if not OTHER_TESTS & set(folder.parts)}

    assert [str(folder) for folder in mirrored if not (PACKAGE / folder).is_dir()] == []


def test_every_module_says_in_its_first_line_what_it_is_for():
    """A room can be read by its docstrings."""
    docstrings = {_relative(path): ast.get_docstring(tree) or "" for path, tree in TREES.items()}

    assert [name for name, text in docstrings.items() if not text.partition("\n")[0]] == []


def test_importing_the_package_or_its_command_line_loads_nothing_heavy():
    """`import evalharness` and `--help` answer at once."""
    code = "import sys, evalharness, evalharness.cli.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    heavy = {"torch", "transformers", "lm_eval", "pandas", "scipy", "plotly", "openai", "hydra"}
    assert heavy & set(loaded) == set()
