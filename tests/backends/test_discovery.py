"""Backends of this folder and of other packages, their settings, and what is wrong with either."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness import backends
from evalharness.backends import (
    build_backend_settings,
    check_other_settings,
    find_backend,
    list_backends,
    list_neutral_settings,
    list_setting_types,
)
from evalharness.errors import ConfigError

PLUGIN = """
from dataclasses import dataclass, field

from evalharness.backends import BackendDefinition
from evalharness.domain import NOT_IN_IDENTITY


@dataclass(frozen=True)
class Settings:
    voice: str = "loud"
    tags: tuple[str, ...] = ()
    patience_s: float | None = field(default=None, metadata=NOT_IN_IDENTITY)


BACKEND = BackendDefinition(connect=lambda spec: None, settings=Settings)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a package with one backend, from its module's text."""

    def write(name, text):
        (tmp_path / f"{name}_module.py").write_text(text)
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        points = f"[evalharness.backends]\n{name} = {name}_module\n"
        (about / "entry_points.txt").write_text(points)

    monkeypatch.syspath_prepend(tmp_path)
    return write


def test_our_own_backends_are_found_by_their_file():
    """A new backend is one file: no list names it, and neither does this test."""
    folder = Path(backends.__file__).parent
    own = [path.stem for path in sorted(folder.glob("*.py")) if "\nBACKEND = " in path.read_text()]

    assert list(list_backends())[: len(own)] == own
    assert {"openai_compatible", "local_transformers", "scripted"} <= set(own)


def test_a_module_that_is_no_backend_is_not_taken_for_one():
    """The folder holds other modules, too."""
    with pytest.raises(ConfigError, match="there is no backend 'chat_template'"):
        find_backend("chat_template")


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one():
    """A letter is easily left out."""
    with pytest.raises(ConfigError, match=r"did you mean .*openai_compatible"):
        find_backend("openai_compatibel")


def test_another_package_brings_a_backend_with_settings_of_its_own(install):
    """What it declares is configured next to the common settings."""
    install("shouting", PLUGIN)

    settings = build_backend_settings("shouting", {"tags": "one", "name": "m"}, "models.m")

    assert (settings.voice, settings.tags, settings.patience_s) == ("loud", ("one",), None)
    assert list_setting_types()["voice"] == (str, "loud")
    assert "patience_s" in list_neutral_settings()
    with pytest.raises(ConfigError, match=r"models\.m\.tags=\[1\]: must be one value or a list"):
        build_backend_settings("shouting", {"tags": [1]}, "models.m")


def test_a_package_that_breaks_on_import_hurts_only_its_own_backend(install):
    """Whoever has it installed and does not use it runs as before."""
    install("broken", "raise RuntimeError('no licence')")

    assert "broken" not in list_backends()
    with pytest.raises(ConfigError, match=r"broken.*cannot be loaded: no licence"):
        find_backend("broken")


def test_a_package_without_the_object_is_told_what_it_lacks(install):
    """Its author learns what to write."""
    install("empty", "def connect(spec): ...")

    with pytest.raises(ConfigError, match="no object BACKEND"):
        find_backend("empty")


def test_one_name_for_two_different_settings_is_refused(install):
    """One key of the configuration cannot mean two things."""
    install("rival", PLUGIN.replace('voice: str = "loud"', "endpoint: int = 3"))

    with pytest.raises(ConfigError, match="rival declares the setting endpoint with another type"):
        list_setting_types()


def test_a_wrong_setting_of_another_backend_is_refused_too():
    """`endpoint=chatt` is a mistake whatever asks the model."""
    conf = {"endpoint": "chatt", "weights": "embedded"}

    with pytest.raises(ConfigError, match=r"models\.m\.endpoint=chatt.*did you mean chat"):
        check_other_settings("local_transformers", conf, "models.m")
    check_other_settings("local_transformers", {"endpoint": "chat"}, "models.m")
