"""A file in two parts, imported one after the other, is the file."""

from __future__ import annotations

import json

import pytest
from foreign_files import FOLDERS, write_files

from evalharness.cli import main

# Judgments need their questions, and equal rows without a name are taken for one that came twice.
WHOLE = {("mt-bench", "question.jsonl"), ("arena-battles", "more.jsonl")}
FILES = [
    pytest.param(name, file, id=f"{name}-{file}")
    for name, files in FOLDERS.items()
    for file, rows in files.items()
    if isinstance(rows, list) and len(rows) > 1 and name != "labels" and (name, file) not in WHOLE
]


@pytest.fixture(autouse=True)
def _work_in_temporary_folder(tmp_path, monkeypatch):
    """Results go to a folder that no other test uses."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_file_in_two_parts_is_the_file(name, file, tmp_path):
    """The other files come with both parts, and count once."""
    files = FOLDERS[name]
    rows = files[file]
    parts = {"whole": rows, "first": rows[: len(rows) // 2], "second": rows[len(rows) // 2 :]}
    for part, kept in parts.items():
        folder = write_files(tmp_path / part, {**files, file: kept})
        run = "whole" if part == "whole" else "parts"
        assert main(["import", name, str(folder), "--run", run]) == 0

    whole, joined = (
        json.loads((tmp_path / "results" / run / "leaderboard.json").read_text())
        for run in ("whole", "parts")
    )
    assert joined == whole
