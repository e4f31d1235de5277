"""Report the installed software that a run was made with: package versions, Python, git commit."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "evalharness",
    "aiohttp",
    "hydra-core",
    "lm-eval",
    "numpy",
    "openai",
    "pandas",
    "plotly",
    "scipy",
    "torch",
    "transformers",
)
_GIT_TIMEOUT_S = 5


def describe_software() -> dict[str, Any]:
    """Return the versions of packages, of Python, and of the checkout, as a manifest has them."""
    return {
        "versions": {name: found for name in _PACKAGES if (found := _find_version(name))},
        "python": platform.python_version(),
        "git": _find_git_commit(),
    }


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _find_git_commit() -> str | None:
    """Return the commit of the checkout that the code runs from, with `-dirty` if it was changed."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],  # noqa: S607
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except OSError:
        return None
    return found.stdout.strip() or None
