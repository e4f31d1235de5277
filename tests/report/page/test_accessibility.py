"""Test accessibility with axe-core, and the printed page."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import axe_playwright_python
import pytest

from evalharness.analysis import DriftReport, RepeatedJudgment, detect_judge_drift
from evalharness.domain import Verdict, Vote
from evalharness.judge import collect_battles
from evalharness.report import PAGE_FILE, publish_run, write_drift_report
from evalharness.store import VOTES_FILE, read_run, write_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Open = Callable[..., Page]

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[3] / "results" / "example"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = """() => axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations
  .filter(({impact}) => impact === 'serious' || impact === 'critical')
  .map(({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)}`))"""


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the page of the committed run with votes of a person and a judge that changed: all is there."""
    folder = tmp_path_factory.mktemp("runs") / "example"
    shutil.copytree(EXAMPLE, folder)
    records = read_run(folder)
    battles = collect_battles(records)[::3]
    votes = [
        Vote(
            question_id=battle.question_id,
            turn=battle.turn,
            judge="human:1",
            model_a=battle.model_a,
            model_b=battle.model_b,
            winner=battle.winner,
            digest=str(number),
        )
        for number, battle in enumerate(battles)
    ]
    write_records(folder / VOTES_FILE, votes)
    games = [each for each in records.games if each.verdict is not None][:30]
    turned = {Verdict.A: Verdict.B, Verdict.B: Verdict.TIE, Verdict.TIE: Verdict.A}
    later = [(replace(each, verdict=turned[each.verdict]),) * 2 for each in games]
    asked = [RepeatedJudgment(before=was, later=now) for was, now in zip(games, later, strict=True)]
    checked = detect_judge_drift("embedded", asked, alpha=0.05)
    made = "2026-03-01T10:00:00+00:00"
    write_drift_report(
        folder, DriftReport(run="example", number=1, made=made, judges=(checked,), alpha=0.05)
    )
    publish_run(folder)
    return (folder / PAGE_FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(opened: Open, html: str, scheme: str, width: int) -> None:
    """The check includes an open question with all its judgments, prompts and menus."""
    page = opened(html, "#q-math-01", color_scheme=scheme, viewport={"width": width, "height": 900})
    page.wait_for_selector("#q-math-01 .body[data-state=open]")
    for _ in range(2):
        page.eval_on_selector_all(
            "details:not(.question)", "all => all.forEach(d => d.open = true)"
        )
        page.wait_for_timeout(100)  # until the judge's replies are unpacked
    page.press("#label-go", "Enter")  # replies that are still unpacked move it from under a mouse
    page.wait_for_selector("#label-progress:has-text('Pair 1 of')")
    page.evaluate(AXE)

    assert page.evaluate(SERIOUS) == []


def test_paper_shows_tables_plots_and_opened_questions(opened: Open, html: str) -> None:
    """The PDF has pages, and omits controls that work on a screen only."""
    page = opened(html, "#q-math-01", color_scheme="dark")
    page.wait_for_selector("#q-math-01 .body[data-state=open]")
    page.emulate_media(media="print")

    pdf = page.pdf(format="A4")

    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 3
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#board").is_visible()
    assert page.locator("#q-math-01 article").first.is_visible()
    for screen_only in (".bar", "#find", ".table-tools", "#labelling", "#q-coding-01"):
        assert page.locator(screen_only).is_hidden(), screen_only
