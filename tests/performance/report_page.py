"""How long a page takes to build, how large it is, and how soon a browser shows and works it.

python tests/performance/report_page.py [--models 20] [--questions 80] [--both-turns]

All pairs in both orders, judged at the second turn (30,400 judgments of 20 models on 80 questions;
60,800 with --both-turns). Chromium is asked for its own timings: first contentful paint, and for
each interaction the time until the next frame after it is on the screen.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from long_runs import a_long_run
from playwright.sync_api import sync_playwright

from evalharness.analysis import build_leaderboard
from evalharness.judge import collect_battles
from evalharness.report import render_page

UNTIL_SHOWN = """async (script) => {
  const start = performance.now();
  await (0, eval)(`(async () => { ${script} })()`);
  const worked = performance.now();
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return [worked - start, performance.now() - start];
}"""

SEARCH = (
    "const box = document.getElementById('search'), said = document.getElementById('status');"
    "const before = said.textContent; box.value = '{}'; box.dispatchEvent(new Event('input'));"
    "while (said.textContent === before || said.textContent.startsWith('Reading'))"
    "  await new Promise(r => setTimeout(r));"
)
OPENED = "while (!document.querySelector('{} .body[data-state=open]')) await new Promise(r => setTimeout(r));"
INTERACTIONS = {
    "sort the leaderboard": "document.querySelectorAll('#board button')[2].click()",
    "filter the leaderboard": (
        "const box = document.getElementById('board-filter'); box.value = '7b';"
        "box.dispatchEvent(new Event('input'));"
    ),
    "hide a column": "document.querySelector('#columns input').click()",
    "open a question": "const q = document.querySelectorAll('.question')[3]; q.open = true;"
    + OPENED.format(".question[open]"),
    "show all models": "document.getElementById('all-models')?.click()",
    "open a battle": (
        "const p = document.querySelector('.pair'); p.open = true;"
        "while (!p.querySelector('.words')) await new Promise(r => setTimeout(r));"
    ),
    "mark differences": (
        "document.getElementById('two-models')?.click();"
        "const s = document.querySelector('.body-tools select'); s.selectedIndex = 1;"
        "s.dispatchEvent(new Event('change'));"
    ),
    "filter by category": (
        "const s = document.getElementById('category'); s.selectedIndex = 3;"
        "s.dispatchEvent(new Event('change')); await 0;"
    ),
    "turn to the search box": (
        "document.getElementById('search').focus(); await new Promise(r => setTimeout(r, 2000));"
    ),
    "search": SEARCH.format("no such word"),
    "search for more": SEARCH.format("e"),
}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--questions", type=int, default=80)
    parser.add_argument("--both-turns", action="store_true")
    parser.add_argument("--keep", type=Path, help="write the page here")
    given = parser.parse_args()

    turns = (1, 2) if given.both_turns else (2,)
    records = a_long_run(given.models, given.questions, turns=turns)
    battles = collect_battles(records)
    start = time.perf_counter()
    board = build_leaderboard(records, battles)
    built = time.perf_counter()
    page = render_page(records, battles, board)
    end = time.perf_counter()
    print(f"games {len(records.games):,}, grades {len(records.graded):,}")  # noqa: T201
    print(f"leaderboard {built - start:.1f} s, page {end - built:.1f} s")  # noqa: T201
    print(f"size {len(page.encode()) / 1e6:.2f} MB")  # noqa: T201
    folder = Path(tempfile.mkdtemp())
    path = given.keep or folder / "report.html"
    path.write_text(page, encoding="utf-8")
    if shutil.which("chromium"):
        look(path.resolve())
    shutil.rmtree(folder)


def look(path: Path) -> None:
    """Open the page in Chromium and print what it takes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_timeout(1500)
        paint = page.evaluate(
            "performance.getEntriesByType('paint').map(e => [e.name, e.startTime])"
        )
        for name, at in paint:
            print(f"{name:26} {at:7.0f} ms")  # noqa: T201
        for name, script in INTERACTIONS.items():
            worked, shown = page.evaluate(UNTIL_SHOWN, script)
            print(f"{name:26} {worked:7.0f} ms, on the screen after {shown:.0f} ms")  # noqa: T201
        browser.close()


if __name__ == "__main__":
    main()
