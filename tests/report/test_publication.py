"""Test the pages of runs that were interrupted, killed, or just begun."""

from __future__ import annotations

import json
import random

import pytest
from builders import a_run, failure

import evalharness
from evalharness.cli import main
from evalharness.report import publish_run
from evalharness.store import RunFolder, encode_record


def _write_parts(folder, seed):
    """Write a run; any part of it may be missing, and any last line truncated."""
    draw = random.Random(seed)
    records = a_run(draw.randint(1, 4), draw.randint(1, 8), seed=seed)
    with RunFolder.open(folder) as run:
        run.write_config({"seed": 0}, records.questions)
    kept = {
        "answers.jsonl": records.answers,
        "judgments.jsonl": (*records.graded, *records.games),
        "failures.jsonl": (failure(), failure("koala-13b")),
    }
    for name, rows in kept.items():
        share = draw.choice((0.0, 0.1, 0.5, 1.0))
        content = b"".join(encode_record(row) for row in rows if draw.random() < share)
        (folder / name).write_bytes(content[: len(content) - draw.randint(0, 40)])
    if draw.random() < 0.5:
        (folder / "manifest.json").write_text(json.dumps({"cautions": ["one"]}))
    if draw.random() < 0.2:
        (folder / "questions.jsonl").unlink()


@pytest.mark.parametrize("seed", range(25))
def test_any_unfinished_run_has_a_page(tmp_path, seed):
    """An unfinished run has a page, and missing figures are not numbers."""
    _write_parts(tmp_path, seed)

    board = publish_run(tmp_path)
    run = evalharness.load_run(tmp_path)

    assert (tmp_path / "report.html").read_text().lower().startswith("<!doctype html>")
    rows = json.loads((tmp_path / "leaderboard.json").read_text())
    assert [row["model"] for row in rows] == [row.model for row in board.rows]
    assert all(row["score"] is None for row in rows if row["graded"] == 0)
    for frame in (run.answers, run.judgments, run.battles, run.failures):
        assert len(frame) >= 0


def test_a_damaged_line_is_reported_with_a_remedy(tmp_path, capsys):
    """Ignoring a damaged line would change the figures."""
    _write_parts(tmp_path / "run", 3)
    path = tmp_path / "run/judgments.jsonl"
    path.write_bytes(b'{"kind": "graded", "ques\n' + path.read_bytes())

    assert main(["report", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "judgments.jsonl:1: " in said
    assert "delete the line" in said
