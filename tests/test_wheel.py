"""The built wheel is complete: it has the configurations, the questions and the page's files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a folder with the files that the wheel installs, and none of the checkout."""
    top = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", top, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = top.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", top / "site", wheel], check=True)
    return top / "site"


def _evalharness(installed, cwd, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evalharness", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.install
def test_the_wheel_runs_from_an_empty_folder(installed, tmp_path):
    """`pip install evalharness` in an empty folder is enough for a whole run."""
    done = _evalharness(
        installed,
        tmp_path,
        "run",
        "models=[vicuna-13b,alpaca-7b]",
        "models.vicuna-13b.backend=scripted",
        "models.alpaca-7b.backend=scripted",
        "judge=scripted",
        "questions=quick",
        "run=mine",
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/mine/report.html").stat().st_size > 10_000
    where = subprocess.run(
        [sys.executable, "-c", "import evalharness; print(evalharness.__file__)"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.startswith(str(installed))


@pytest.mark.install
def test_the_wheel_knows_its_models(installed, tmp_path):
    """Folders at the top of a checkout are inside the installed package."""
    listed = _evalharness(installed, tmp_path, "list", "models").stdout

    assert "vicuna-13b" in listed
