"""Test blind labelling: votes from the browser are part of the next report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalharness.cli import main
from evalharness.report import PAGE_FILE, publish_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Open = Callable[..., Page]

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[5] / "results" / "example"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Copy the committed run, whose three models were compared on eight questions."""
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    publish_run(folder)
    return folder


def test_blind_votes_are_reported_as_agreement_and_missing_labels(
    opened: Open, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: label, download, import, report; every vote arrives as it was given.

    The run has eight questions, too few to correct by: the page says so, and shows no figure.
    """
    page = opened((run / PAGE_FILE).read_text(encoding="utf-8"))
    page.fill("#label-name", "Ada 1")
    page.click("#label-go")
    keys = ["1", "2", "0", "1", "s"] * 4
    for number, key in enumerate(keys, start=1):
        page.wait_for_selector(f"#label-progress:has-text('Pair {number} of 20')")
        assert "smollm2" not in page.locator("#label-stage").inner_text()
        page.locator("#label-pair").press(key)
    with page.expect_download() as download:
        page.click("#label-save")
    labels = run.parent / download.value.suggested_filename
    download.value.save_as(labels)
    rows = [json.loads(line) for line in labels.read_text().splitlines()]

    assert labels.name == "labels-Ada_1.jsonl"
    assert [row["winner"] for row in rows] == ["model_a", "model_b", "tie", "model_a"] * 4
    assert len({(row["question_id"], row["turn"]) for row in rows}) >= 8
    assert main(["import", "labels", str(labels), "--run", str(run)]) == 0
    capsys.readouterr()
    board = (run / PAGE_FILE).read_text(encoding="utf-8")
    seen = opened(board).locator("#people")
    assert "embedded" in seen.inner_text()
    assert "No corrected figure. 16 votes are too few" in seen.inner_text()
    assert "an interval takes 10 of each model" in seen.inner_text()
    assert seen.locator("table.corrected").count() == 0


def test_grades_given_blind_are_a_file_that_import_takes(
    opened: Open, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers are graded one by one, with keys or buttons: 0 is a ten, s skips, b goes back."""
    page = opened((run / PAGE_FILE).read_text(encoding="utf-8"))
    page.fill("#label-name", "Bea")
    page.select_option("#label-kind", "grades")
    page.click("#label-go")
    for number, key in enumerate(["7", "3", "b", "4", "s", "0"], start=1):
        page.wait_for_selector(f"#label-progress:has-text('Answer {number - 2 * (number > 3)} of')")
        assert page.locator("#label-pair .turn:last-child article").count() == 1
        assert "smollm2" not in page.locator("#label-stage").inner_text()
        page.locator("#label-pair").press(key)
    page.wait_for_selector("#label-progress:has-text('Answer 5 of 20')")
    page.click("[data-kind=grades] [data-vote='1']")
    page.wait_for_selector("#label-progress:has-text('Answer 6 of 20')")
    with page.expect_download() as download:
        page.click("#label-save")
    labels = run.parent / download.value.suggested_filename
    download.value.save_as(labels)
    rows = [json.loads(line) for line in labels.read_text().splitlines()]

    assert labels.name == "grades-Bea.jsonl"
    assert [row["score"] for row in rows] == [7, 4, 10, 1]
    assert {row["judge"] for row in rows} == {"human:Bea"}
    assert main(["import", "labels", str(labels), "--run", str(run)]) == 0
    capsys.readouterr()
    seen = opened((run / PAGE_FILE).read_text(encoding="utf-8")).locator("#people")
    assert "4 grades are too few" in seen.inner_text()


def test_a_closed_page_remembers_its_votes(opened: Open, run: Path) -> None:
    """Votes are kept when the tab is closed; a step back removes the last vote."""
    html = (run / PAGE_FILE).read_text(encoding="utf-8")
    page = opened(html)
    page.click("#label-go")
    page.wait_for_selector("#label-progress:has-text('Pair 1 of')")
    page.locator("#label-pair").press("1")
    page.wait_for_selector("#label-progress:has-text('Pair 2 of')")
    page.click("[data-vote=tie]")
    page.wait_for_selector("#label-progress:has-text('Pair 3 of')")
    page.click("#label-back")
    page.wait_for_selector("#label-progress:has-text('Pair 2 of')")
    page.on("dialog", lambda dialog: dialog.accept())
    # Chromium writes to its storage a moment after the page; a reload may come before that.
    for _ in range(10):
        page.reload()
        page.wait_for_function("document.readyState === 'complete'")
        if page.evaluate("Object.keys(localStorage).length"):
            break

    page.wait_for_selector("#label-progress:has-text('Pair 2 of')")
