"""Make the pictures of the documentation again, from public judgments and the example run.

`docs/report.png` is the first screen of a report on GPT-4's published verdicts on MT-bench
(LMSYS, CC-BY-4.0; only names of models and verdicts are read). The folder of these data is
EVALHARNESS_DATA. `docs/question.png` is a question of `results/example`. Run by `make pictures`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from browser_fixtures import ARGUMENTS
from playwright.sync_api import sync_playwright

from evalharness.cli import main as evalharness

ROOT = Path(__file__).parents[2]

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VERDICTS = "mt_bench_human/gpt4_pair.jsonl"
QUESTION = "#q-coding-01"
SCREEN = {"width": 1280, "height": 800}


def import_verdicts(folder: Path) -> Path:
    """Return the report of the published verdicts, imported in a folder."""
    data = Path(os.environ.get("EVALHARNESS_DATA", ROOT / "../shared/data"))
    source = folder / "mt-bench"
    source.mkdir()
    shutil.copy(data / VERDICTS, source)
    os.chdir(folder)
    if evalharness(["import", "mt-bench", str(source), "--run", "mt-bench-gpt-4"]):
        sys.exit("the verdicts could not be imported")
    return folder / "results/mt-bench-gpt-4/report.html"


def photograph(browser: Browser, page: Path, fragment: str, picture: Path) -> None:
    """Save the first screen of a page, or of a place in it, in a resolution for dense displays."""
    context = browser.new_context(viewport=SCREEN, device_scale_factor=1.5)
    tab = context.new_page()
    tab.goto(f"{page.as_uri()}{fragment}")
    tab.screenshot(path=picture)
    context.close()


def main() -> None:
    """Make both pictures."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    if binary is None:
        sys.exit("pictures need Chromium; install it (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = import_verdicts(Path(folder))
        browser = playwright.chromium.launch(executable_path=binary, args=list(ARGUMENTS))
        photograph(browser, report, "", ROOT / "docs/report.png")
        example = ROOT / "results/example/report.html"
        photograph(browser, example, QUESTION, ROOT / "docs/question.png")


if __name__ == "__main__":
    main()
