"""Pipes, devices and broken links among imported files are refused, and nothing waits for them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from evalharness.cli import main

FORMATS = (
    "alpaca-eval",
    "arena-battles",
    "arena-hard",
    "evalica",
    "judgebench",
    "llmbar",
    "mt-bench",
)


def _refused(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("name", FORMATS)
def test_a_pipe_is_refused_by_itself_and_in_a_folder(name, tmp_path, monkeypatch, capsys):
    """Its content would be missing without a word, or waited for."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    for suffix in ("csv", "json", "jsonl"):
        os.mkfifo(f"data/pipe.{suffix}")
    for path in ("data/pipe.csv", "data/pipe.json", "data/pipe.jsonl", "data"):
        line = _refused(capsys, "import", name, path, "--run", "x")
        assert "/pipe." in line
        assert "is a pipe, socket or device, not a file; write its content into a file" in line
    assert not Path("results").exists()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_devices_are_refused(device, capsys):
    """Some have no end."""
    commands = (
        ("import", "evalica", device, "--run", "x"),
        ("verify", device),
        ("plan", f"questions={device}"),
        ("import", "bundle", device, "--run", "x"),
    )
    for command in commands:
        assert f"{device}: is a pipe, socket or device" in _refused(capsys, *command)


def test_sockets_and_links_to_nothing_are_refused(tmp_path, monkeypatch, capsys):
    """The message has where the link leads."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("votes.csv")
        assert "is a pipe, socket or device" in _refused(
            capsys, "import", "evalica", "votes.csv", "--run", "x"
        )
    Path("links").mkdir()
    Path("links/votes.csv").symlink_to("nowhere.csv")
    for path in ("links", "links/votes.csv"):
        line = _refused(capsys, "import", "evalica", path, "--run", "x")
        assert line.endswith("votes.csv: is a link to nowhere.csv, where there is nothing")
