"""The lock, the constraints and pyproject.toml agree, so that what is tested is what is declared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements" / "tested.txt").read_text(encoding="utf-8")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
LOCKED = {canonicalize_name(name): Version(version) for name, version in PIN.findall(LOCK)}


def _words(variable):
    return re.search(rf"^{variable} = (.+)$", MAKEFILE, re.MULTILINE)[1].split()


def _requirements(names):
    """Yield the requirements of lists, and of the extras of this project that they name."""
    for text in names:
        requirement = Requirement(text)
        if requirement.name == PROJECT["project"]["name"]:
            extras = PROJECT["project"]["optional-dependencies"]
            yield from _requirements(
                each for extra in sorted(requirement.extras) for each in extras[extra]
            )
        else:
            yield requirement


def _declared():
    project = PROJECT["project"]
    own = f"{project['name']}[{','.join(_words('EXTRAS'))}]"
    groups = [each for name in _words("GROUPS") for each in PROJECT["dependency-groups"][name]]
    return {str(each): each for each in _requirements([*project["dependencies"], own, *groups])}


DECLARED = _declared()


@pytest.mark.parametrize("requirement", DECLARED.values(), ids=DECLARED)
def test_the_tested_set_satisfies_what_is_declared(requirement):
    """Also torch, which the constraints alone hold."""
    pins = dict(PIN.findall((ROOT / "requirements" / "constraints.txt").read_text()))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}

    assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


def test_every_locked_release_has_its_hashes():
    """Without one, a package may be another than the one that was tested."""
    entries = re.split(
        r"^(?=\S)", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE), flags=re.MULTILINE
    )

    assert len(LOCKED) > 100
    for entry in filter(None, entries):
        assert re.fullmatch(
            r"\S+==\S+( ;[^\n\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", entry
        )


def test_the_constraints_are_the_lock_and_torch():
    """`make lock` writes both."""
    constraints = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8")
    torch = (ROOT / "requirements" / "torch.txt").read_text(encoding="utf-8")

    assert constraints == torch + "".join(
        f"{name}=={version}\n" for name, version in PIN.findall(LOCK)
    )


def test_the_files_name_no_server():
    """Where packages come from is the choice of whoever installs them."""
    for path in (ROOT / "requirements").iterdir():
        assert not re.search(r"https?:|--(extra-)?index-url|--find-links|file:", path.read_text())


def test_users_may_keep_their_torch():
    """An exact release would replace the build that fits their machine."""
    (torch,) = (each for each in DECLARED.values() if each.name == "torch")

    assert {"2.6.0", "2.9.1", "2.13.0", "2.14.1"} <= set(
        torch.specifier.filter(["2.5.1", "2.6.0", "2.9.1", "2.13.0", "2.14.1"])
    )
