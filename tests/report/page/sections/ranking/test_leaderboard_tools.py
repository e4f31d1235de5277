"""Test the leaderboard in a real browser: filters, hidden columns, and copying."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import a_leaderboard, a_run
from playwright.sync_api import expect

from evalharness.analysis import build_leaderboard
from evalharness.judge import settle_battles
from evalharness.report import render_page
from evalharness.report.number_format import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Open = Callable[..., Page]

DISPLAYS = "all => all.map(each => getComputedStyle(each).display)"

pytestmark = pytest.mark.browser


def a_page(models: int = 3) -> str:
    """Return the page of a generated run, with a name that every format must escape."""
    board = a_leaderboard(models)
    first = replace(board.rows[0], model="=100%_a|b & {c}", elo=1012.0, benchmarks={"arc": 0.5})
    return render_page(a_run(models), (), replace(board, rows=(first, *board.rows[1:])))


def copied(page: Page, form: str) -> str:
    """Return what a button puts on the clipboard."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click(f"[data-copy={form}]")
    expect(page.locator("#board-status")).to_contain_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_filter_leaves_the_models_whose_names_hold_all_words(opened: Open) -> None:
    """Other rows are hidden, and the number of visible rows is shown."""
    page = opened(a_page())

    page.fill("#board-filter", "13B koala")
    assert page.locator("#board tbody th:visible").all_inner_texts() == ["koala-13b"]
    expect(page.locator("#board-status")).to_have_text("1 of 3 models")
    page.fill("#board-filter", "")
    assert page.locator("#board tbody tr:visible").count() == 3


def test_columns_are_hidden_and_shown(opened: Open) -> None:
    """Online Elo is hidden by default, because it depends on the order of the battles."""
    page = opened(a_page())
    heads = page.locator("#board thead th:visible")

    assert "Elo" not in heads.all_inner_texts()
    page.click("#leaderboard .menu summary")
    page.get_by_label("Elo", exact=True).check()
    page.get_by_label("Score", exact=True).uncheck()
    assert "Elo" in heads.all_inner_texts()
    assert "Score" not in heads.all_inner_texts()
    assert page.locator("#board tbody tr:first-child > :visible").count() == heads.count()


def test_the_visible_table_is_copied(opened: Open) -> None:
    """Sorted, filtered and with the chosen columns, as CSV that a reader can parse."""
    page = opened(a_page())
    page.click("#leaderboard .menu summary")
    page.get_by_label("Win rate", exact=True).uncheck()
    page.keyboard.press("Escape")
    page.fill("#board-filter", "b")
    page.locator("#board").get_by_role("button", name="Rating").click()
    page.locator("#board").get_by_role("button", name="Rating").click()

    rows = list(csv.reader(io.StringIO(copied(page, "csv"))))

    assert rows[0][:4] == ["Model", "Rank", "Rating", "Score"]
    assert [row[0] for row in rows[1:]] == ["alpaca-7b", "koala-13b", "'=100%_a|b & {c}"]
    assert rows[1][2] == "940 (885 to 998)"
    assert "arc" in rows[0]


def test_markdown_and_latex_escape_special_characters(opened: Open) -> None:
    """A name with special characters breaks neither table."""
    page = opened(a_page())

    markdown = copied(page, "markdown").splitlines()
    latex = copied(page, "latex").splitlines()

    assert markdown[1].startswith("| --- | ---: |")
    assert markdown[2].startswith(r"| =100%\_a\|b & {c} | 1".replace(r"\_", "_"))
    assert len({line.replace(r"\|", "").count("|") for line in markdown}) == 1
    assert latex[4].startswith(r"=100\%\_a|b \& \{c\} & 1")
    assert {line.replace(r"\&", "").count("&") for line in latex if line.endswith(r"\\")} == {
        latex[0].split("{")[-1].count("r")
    }


def test_a_switch_shows_the_probability_that_each_model_is_better(opened: Open) -> None:
    """Win rates are shown first; the other view shows posterior probabilities."""
    records = a_run(3, 24)
    battles = settle_battles(records.games)
    board = build_leaderboard(records, battles)
    page = opened(render_page(records, battles, board))

    assert page.locator(".matrix:visible").count() == 1
    page.click("[data-shows=better]")
    tip = page.locator("[data-view=better] .tip").first
    expect(tip).to_be_visible()
    assert "is better than" in (tip.get_attribute("data-tip") or "")
    assert page.locator("[data-view=rates] .matrix").is_hidden()
    pair = board.pairs[0]
    assert pair.better is not None
    assert 0 <= pair.better <= 1


def test_a_name_in_the_key_shows_and_hides_a_model(opened: Open) -> None:
    """It does so on the radar and on the axis."""
    page = opened(a_page())
    key = page.locator(".key.pick button").nth(1)
    marks = page.locator("#categories [data-model='1']")

    assert "none" not in marks.evaluate_all(DISPLAYS)
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert set(marks.evaluate_all(DISPLAYS)) == {"none"}


def test_published_figures_are_marked_and_can_be_left_out(opened: Open) -> None:
    """They are only in columns of benchmarks, and each names its source."""
    figure = {"model": "koala-13b", "of": "Koala 13B v1", "suite": "mt_bench"}
    published = [
        figure
        | {"benchmark": "mt_bench", "title": "MT-bench", "value": 5.35, "source": "https://a.org"},
        figure
        | {"suite": "openllm_v1", "benchmark": "arc", "title": "Open LLM", "value": 0.521}
        | {"source": "https://b.org"},
    ]
    board = a_leaderboard(3)
    rows = (replace(board.rows[0], benchmarks={"arc": 0.6}), *board.rows[1:])
    records = a_run(3, manifest={"published": published})
    page = opened(render_page(records, (), replace(board, rows=rows)))
    row = page.locator("#board tr.published")

    heads = page.locator("#board thead th").all_inner_texts()
    cells = dict(zip(heads, row.locator("th, td").all_inner_texts(), strict=True))
    assert cells["Model"].split() == ["Koala", "13B", "v1", "published:", "1,", "2"]
    assert (cells["MT-bench"], cells["arc"]) == ("5.35", "0.521")
    assert {cells[name] for name in ("Rating", "Score", "Battles", "Failed")} == {ABSENT}
    page.get_by_label("Published figures").uncheck()
    assert row.is_hidden()
