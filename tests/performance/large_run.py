"""A run of 100,000 judgments: reading it, beside reading its JSON alone, its page, and the page in a browser.

python tests/performance/large_run.py [--questions 350]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from builders import MODELS, a_run
from playwright.sync_api import sync_playwright

import evalharness
from evalharness.analysis import analyze_robustness
from evalharness.judge import collect_battles
from evalharness.report import publish_run
from evalharness.store import RunFolder, read_run, write_records

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PATIENCE_MS = 120_000


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _write(folder: Path, questions: int) -> int:
    """Write a run as its files, and return the number of its judgments."""
    records = a_run(len(MODELS), questions)
    with RunFolder.open(folder) as run:
        run.write_config({"seed": 0}, records.questions)
    write_records(folder / "answers.jsonl", records.answers)
    write_records(folder / "judgments.jsonl", records.judgments)
    return len(records.judgments)


def _plain(folder: Path) -> None:
    """Read the same lines with Python's own JSON, into no records."""
    for name in ("answers.jsonl", "judgments.jsonl"):
        for line in (folder / name).read_bytes().splitlines():
            json.loads(line)


def _open(page: Path) -> int | None:
    """Open the page in Chromium, and return the number of its leaderboard's rows."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    if binary is None:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=binary, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        tab.goto(page.as_uri(), timeout=_PATIENCE_MS)
        rows = tab.locator("#leaderboard tbody tr").count()
        browser.close()
        return rows


def _frames(folder: Path) -> int:
    run = evalharness.load_run(folder)
    return len(run.answers) + len(run.judgments) + len(run.battles)


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--questions", type=int, default=350)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        judgments = _write(folder, arguments.questions)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        _, plain_s = _timed(lambda: _plain(folder))
        _, read_s = _timed(lambda: read_run(folder))
        run, resume_s = _timed(lambda: RunFolder.open(folder))
        _, close_s = _timed(run.close)
        _, frames_s = _timed(lambda: _frames(folder))
        loaded = evalharness.load_run(folder)
        _, page_s = _timed(lambda: publish_run(folder))
        board = loaded.board
        battles = collect_battles(loaded.records)
        found, ways_s = _timed(lambda: analyze_robustness(loaded.records, battles, board))
        rows, open_s = _timed(lambda: _open(folder / "report.html"))
        page_mb = (folder / "report.html").stat().st_size / 1e6
    for line in (
        f"judgments         {judgments}, {size:.0f} MB",
        f"read              {read_s:.2f} s, {read_s / plain_s:.2f} of the time of json.loads alone",
        f"opened to resume  {resume_s:.2f} s, closed in {close_s:.2f} s",
        f"as data frames    {frames_s:.2f} s",
        f"leaderboard, page {page_s:.2f} s, {page_mb:.0f} MB",
        f"counted in {len(found.counted)} ways {ways_s:.2f} s of that",
        f"page in Chromium  {open_s:.2f} s, {rows} models shown",
    ):
        print(line)  # noqa: T201 - a script prints


if __name__ == "__main__":
    main()
