"""Imports point down only, and the light parts stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "evalharness"
LAYERS = (
    {"domain", "errors"},
    {
        "adaptive_design",
        "chat",
        "flags",
        "health",
        "leaderboard",
        "pairings",
        "panels",
        "plain",
        "probes",
        "prompts",
        "replies",
        "schedule",
        "settle",
        "spending",
        "stats",
        "structured",
        "tables",
        "variants",
    },
    {"store", "backends", "engines", "benchmarks", "formats"},
    {
        "adapting",
        "answering",
        "auditing",
        "benchmark_plans",
        "benchmarking",
        "collecting",
        "estimating",
        "judging",
        "loading",
        "manifest",
        "metering",
        "pipeline",
        "planning",
        "probing",
        "reasking",
        "rereading",
        "resolving",
        "wanting",
        "watching",
    },
    {
        "__init__",
        "__main__",
        "_corpus_spec",
        "_engine_spec",
        "_explain",
        "_plan_spec",
        "_saved_run",
        "_specs",
        "_suites",
        "bundling",
        "caching",
        "cli",
        "comparing",
        "config",
        "drifting",
        "ending",
        "exporting",
        "gating",
        "importing",
        "interrupting",
        "joining",
        "keys",
        "notebook",
        "progress",
        "prompting",
        "published",
        "publishing",
        "report",
        "restoring",
        "resuming",
        "running",
        "scanning",
        "schema",
        "sweeping",
        "unpacking",
        "verifying",
    },
)
PURE_MAY_NOT = {"os", "pathlib", "time", "datetime", "socket", "sqlite3", "subprocess"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def _name(path: Path) -> str:
    """Return the first part of a module's name inside the package."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def _imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_its_own_layer_or_lower_ones(path):
    """Whoever changes a layer need not look at those below it."""
    own = _layer(_name(path))
    inner = {name.split(".")[1] for name in _imports(path) if name.startswith("evalharness.")}

    assert {name for name in inner if _layer(name) > own} == set()


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if _layer(_name(path)) == 1],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_the_pure_layer_reads_no_file_clock_or_environment(path):
    """Statistics and prompts depend on their arguments alone, so they can be checked."""
    tops = {name.split(".")[0] for name in _imports(path)}

    assert tops & PURE_MAY_NOT == set()


def test_importing_the_package_or_its_command_line_loads_nothing_heavy():
    """`import evalharness` and `--help` answer at once."""
    code = "import sys, evalharness, evalharness.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    heavy = {"torch", "transformers", "lm_eval", "pandas", "scipy", "plotly", "openai", "hydra"}
    assert heavy & set(loaded) == set()
