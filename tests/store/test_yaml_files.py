"""YAML of strangers is read as plain values, within bounds, and refused with its line."""

from __future__ import annotations

import os

import pytest
import yaml

from evalharness.errors import InputError
from evalharness.store import check_text_file, read_yaml
from evalharness.store.object_files import read_json_object

NINE = ", ".join(["*{}"] * 9)
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{NINE.replace('{}', f'a{level - 1}')}]\n" for level in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (BOMB, None, r"its aliases would swell 522 characters to 4,\d+,\d+,\d+ values"),
        (f"{BOMB}b:\n  <<: *a9\n", None, "its aliases would swell"),
        ("a: &a\n  b: *a\n", 1, "a value holds itself"),
        ("\n".join("  " * depth + "a:" for depth in range(150)), 101, "deeper than 100 levels"),
        ("[" * 100_000, None, "not YAML|deeper than 100"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not YAML: while parsing a flow sequence"),
        ("a:\n\tb: 1\n", 2, "indent with spaces, not with a tab"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is there twice, first in line 1"),
        ("a: 1\nb: !!python/object/apply:os.system [id]\n", 2, "a tag can build objects or run"),
        ("a: 1\nb: !!python/name:os.system\n", 2, "a tag can build objects or run code"),
        (b"a: 1\nb: caf\xe9\n", 2, r"not UTF-8 text \(byte 0xe9\)"),
        ("a: 1\x00\n", None, "not YAML"),
        (f"a: {'9' * 5000}\n", None, "a value cannot be read"),
        ("a: 2026-02-30\n", None, "a value cannot be read"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML: expected a single document"),
        ("a: *b\n", 1, "undefined alias"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused_with_its_line(tmp_path, content, line, words):
    """Each is one error in words; none is a traceback, a hang, or memory."""
    path = tmp_path / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=words) as caught:
        read_yaml(path)
    if line is not None:
        assert caught.value.line == line
    assert len(str(caught.value)) < 400


def test_what_we_write_ourselves_is_read_again(tmp_path):
    """Equal objects become aliases there, and a file may be empty."""
    shared = {"temperature": 0.5, "stop": ["a", "b"]}
    tree = {f"m{number}": shared for number in range(3_000)}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    assert "*id001" in path.read_text()
    assert read_yaml(path) == tree
    path.write_text("# nothing\n")
    assert read_yaml(path) is None


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    """Also as records: whoever opens a pipe waits for a writer that never comes."""
    pipe = tmp_path / "questions.jsonl"
    os.mkfifo(pipe)
    for read in (check_text_file, read_yaml, read_json_object):
        with pytest.raises(InputError, match="is a pipe, socket or device, not a file"):
            read(pipe)
