"""Test the page in a real browser: no requests, no third-party code, and working controls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import a_leaderboard, a_run, answer, graded_judgment, question
from caution_lists import cautions
from hostile_texts import PAYLOADS
from playwright.sync_api import expect

from evalharness.analysis import Leaderboard, LeaderboardRow
from evalharness.domain import RunConfig, RunRecords
from evalharness.judge import settle_battles
from evalharness.report import render_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Open = Callable[..., Page]

pytestmark = pytest.mark.browser


def a_page(models: int = 3, questions: int = 8) -> str:
    """Return the page of a generated run."""
    records = a_run(models, questions)
    answers = (
        answer("vicuna-13b", "81", texts=("A quokka is a marsupial.", "Indeed.")),
        *records.answers[1:],
    )
    graded = (
        replace(records.graded[0], score=None, unscored="no rating"),
        *records.graded[1:],
    )
    records = replace(records, answers=answers, graded=graded)
    return render_page(records, settle_battles(records.games), a_leaderboard(models))


def visible_questions(page: Page) -> list[str]:
    """Return the identifiers of the questions that are not filtered out."""
    return page.eval_on_selector_all(
        ".question", "all => all.filter(q => !q.hidden).map(q => q.id.slice(2))"
    )


def first_models(page: Page) -> list[str]:
    """Return the leaderboard's models from the top."""
    return page.locator("#leaderboard tbody th").all_inner_texts()


def test_a_heading_sorts_by_mouse_and_by_keyboard(opened: Open) -> None:
    """The rows and aria-sort show the order; a second click reverses it."""
    page = opened(a_page())
    heading = page.locator("#leaderboard th", has_text="Rating")

    assert first_models(page) == ["vicuna-13b", "koala-13b", "alpaca-7b"]
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert first_models(page) == ["alpaca-7b", "koala-13b", "vicuna-13b"]
    assert page.locator("#leaderboard th[aria-sort=none]").count() > 5


def test_absent_figures_sort_last_both_ways(opened: Open) -> None:
    """A model without a score is last in both directions."""
    rows = (
        LeaderboardRow(model="unknown"),
        LeaderboardRow(model="low", score=2.0),
        LeaderboardRow(model="high", score=9.0),
    )
    page = opened(render_page(RunRecords(name="demo"), (), Leaderboard(rows=rows)))
    score = page.locator("#leaderboard").get_by_role("button", name="Score", exact=True)

    score.click()
    assert first_models(page) == ["high", "low", "unknown"]
    score.click()
    assert first_models(page) == ["low", "high", "unknown"]


def test_search_finds_words_inside_packed_answers(opened: Open) -> None:
    """The search includes compressed text that is not on the screen."""
    page = opened(a_page())

    page.fill("#search", "QUOKKA")
    expect(page.locator("#status")).to_have_text("1 of 8 questions")
    assert visible_questions(page) == ["81"]
    page.fill("#search", "no such words anywhere")
    expect(page.locator("#status")).to_have_text("0 of 8 questions")
    page.fill("#search", "")
    expect(page.locator("#status")).to_have_text("8 questions")


def test_filters_narrow_the_questions(opened: Open) -> None:
    """Questions are filtered by category and by flag."""
    page = opened(a_page())

    page.select_option("#category", "math")
    expect(page.locator("#status")).to_have_text("1 of 8 questions")
    assert visible_questions(page) == ["84"]
    page.select_option("#category", "")
    page.select_option("#flag", "unscored")
    expect(page.locator("#status")).to_have_text("1 of 8 questions")
    assert visible_questions(page) == ["81"]


def test_questions_can_be_ordered_by_disagreement(opened: Open) -> None:
    """The question with the largest differences between models comes first."""
    page = opened(a_page())

    page.select_option("#order", "spread")
    spreads = page.eval_on_selector_all(".question", "all => all.map(q => +q.dataset.spread)")
    assert spreads == sorted(spreads, reverse=True)


def test_a_permalink_opens_its_question(opened: Open) -> None:
    """A link to a question opens it, scrolls to it, and shows its answers."""
    page = opened(a_page(questions=24), "#q-100")

    page.wait_for_selector("#q-100 .body[data-state=open]")
    expect(page.locator("#q-100 > summary")).to_be_focused()
    top = page.evaluate("document.getElementById('q-100').getBoundingClientRect().top")
    assert 0 <= top < 120
    assert page.locator("#q-100 article").count() == 6
    assert page.locator(".question[open]").count() == 1


def test_a_question_opens_by_keyboard_and_models_can_be_hidden(opened: Open) -> None:
    """Answers are side by side; the checkbox of a model hides its answers and battles."""
    page = opened(a_page())

    page.locator("#q-81 > summary").press("Enter")
    page.wait_for_selector("#q-81 .body[data-state=open]")
    assert page.locator("#q-81 article:visible").count() == 6
    page.locator(".models input").nth(1).uncheck()
    assert page.locator("#q-81 article:visible").count() == 4
    assert page.locator("#q-81 .pair:visible").count() == 2
    assert page.evaluate("location.hash") == "#q-81"


def test_hovering_and_arrow_keys_tell_the_numbers(opened: Open) -> None:
    """The matrix shows wins, losses and ties; arrow keys move inside it."""
    page = opened(a_page())
    cells = page.locator(".matrix .tip")

    cells.nth(0).hover()
    assert "vicuna-13b against koala-13b" in page.locator("#tip").inner_text()
    cells.nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert "vicuna-13b against alpaca-7b" in page.locator("#tip").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_dark_follows_the_system_and_can_be_chosen(opened: Open) -> None:
    """The page starts with the theme of the system; the button changes it."""
    page = opened(a_page(), color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)

    page.click("#theme")
    light = page.evaluate(paper)
    assert dark == "rgb(21, 23, 26)"
    assert light == "rgb(253, 253, 252)"
    page.click("#theme")
    assert page.evaluate(paper) == dark


@pytest.mark.parametrize("width", [320, 390, 800, 1400, 2560])
def test_no_width_makes_the_page_scroll_sideways(opened: Open, width: int) -> None:
    """Wide tables scroll inside their frames."""
    page = opened(a_page(12, 8), "#q-81", viewport={"width": width, "height": 800})

    page.wait_for_selector("#q-81 .body[data-state=open]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_hostile_text_runs_or_loads(opened: Open) -> None:
    """No payload in questions, answers, references and judgments has an effect."""
    records = RunRecords(
        name=PAYLOADS[0],
        questions=tuple(
            question(f"{number}", category=text, turns=(text,), references=(text,))
            for number, text in enumerate(PAYLOADS)
        ),
        answers=tuple(
            answer("vicuna-13b", f"{number}", texts=(text,)) for number, text in enumerate(PAYLOADS)
        ),
        graded=tuple(
            graded_judgment("vicuna-13b", f"{number}", reply=text)
            for number, text in enumerate(PAYLOADS)
        ),
        config=RunConfig.from_tree({"text": list(PAYLOADS[:50])}),
    )
    page = opened(render_page(records, (), Leaderboard(rows=(), cautions=cautions(*PAYLOADS[:50]))))

    page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")
    expect(page.locator(".body[data-state=open]")).to_have_count(len(PAYLOADS))
    page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")
    for link in page.locator(".body .markdown a").all():
        assert (link.get_attribute("href") or "").startswith(("http:", "https:", "mailto:"))
    assert page.evaluate("window.__pwned") is None
    assert (
        page.locator("main script, main img, main iframe, main style, main form form").count() == 0
    )
    assert page.locator("h1").is_visible()


def test_text_has_the_contrast_that_readers_need(opened: Open) -> None:
    """All visible text meets WCAG AA (4.5 to 1) in the light and in the dark theme."""
    for scheme in ("light", "dark"):
        page = opened(a_page(6), "#q-81", color_scheme=scheme)
        page.wait_for_selector("#q-81 .body[data-state=open]")
        assert page.evaluate(FAINT_TEXTS) == []


FAINT_TEXTS = """() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const color = channels(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!hasText || !element.checkVisibility() || element.closest('script')) continue;
    const style = getComputedStyle(element);
    const paper = ground(element);
    const color = channels(element.closest('svg') ? style.fill : style.color);
    const ink = color.map((c, i) => c * style.opacity + paper[i] * (1 - style.opacity));
    const [low, high] = [luminance(ink), luminance(paper)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push(`${element.className} ${element.textContent.slice(0, 20)} ${ratio}`);
  }
  return faint;
}"""
