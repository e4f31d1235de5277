"""A slip in a configuration file is one error with the file and the line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import evalharness
from evalharness.cli import main
from evalharness.config import compose_config
from evalharness.errors import InputError

PACKAGE = Path(evalharness.__file__).parent


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"name: mine\nbackend: !!python/object/apply:os.system [id]\n", "mine.yaml:2"),
        (b"name: [mine\nbackend: scripted\n", "mine.yaml:2"),
        (b"name: mine\n\tbackend: scripted\n", "mine.yaml:2"),
        (b"name: mine\nbackend: scripted\nname: other\n", "mine.yaml:3"),
        (b"name: m\xe9\n", "mine.yaml:1"),
    ],
)
@pytest.mark.parametrize("words", [["plan", "models=mine"], ["list", "models"]])
def test_a_slip_in_a_file_of_the_users_names_the_line(tmp_path, capsys, content, place, words):
    """Also a tag that would build an object, and a file that no pipe replaces."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/mine.yaml").write_bytes(content)
    assert main([*words, "--config-dir", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"evalharness: {tmp_path}/models/{place}: ")
    assert said.count("\n") == 1


def test_a_pipe_among_the_users_files_is_refused(tmp_path):
    """Nobody waits for its writer."""
    (tmp_path / "judge").mkdir()
    os.mkfifo(tmp_path / "judge/mine.yaml")
    with pytest.raises(InputError, match="a pipe, socket or device"):
        compose_config(["models=vicuna-13b"], tmp_path)


def test_a_slip_in_the_files_of_a_checkout_names_the_line(tmp_path):
    """They are checked only once composing has failed, as there are many."""
    (tmp_path / "evalharness").symlink_to(PACKAGE)
    (tmp_path / "questions").symlink_to(PACKAGE.parent / "questions")
    shutil.copytree(PACKAGE.parent / "conf", tmp_path / "conf")
    (tmp_path / "conf/judging/both.yaml").write_text("name: both\ngraded: [true\n")
    done = subprocess.run(
        [sys.executable, "-m", "evalharness", "plan", "models=vicuna-13b", "judge=scripted"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert re.match(r"evalharness: .*/conf/judging/both\.yaml:\d: not YAML: ", done.stderr)
