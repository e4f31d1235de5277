"""Test the section of the page on ranks under alternative analyses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import MODELS, a_run
from playwright.sync_api import expect

from evalharness.analysis import (
    RankReversal,
    analyze_robustness,
    build_leaderboard,
    collect_cautions,
)
from evalharness.judge import collect_battles
from evalharness.report import render_page

NARROW = {"viewport": {"width": 390, "height": 800}}


def a_page(records, **changes):
    """Return the page of a run with its robustness, some of it replaced."""
    battles = collect_battles(records)
    board = build_leaderboard(records, battles)
    robustness = replace(analyze_robustness(records, battles, board), **changes)
    cautions = collect_cautions(records, board.cautions, robustness=robustness)
    return render_page(records, battles, replace(board, robustness=robustness, cautions=cautions))


def many():
    """Return a run of 20 models on few questions."""
    run = a_run(4, 4)
    names = [f"model-{number:02d}" for number in range(20)]
    parts = [
        tuple(
            replace(
                each,
                model_a=names[start + MODELS.index(each.model_a)],
                model_b=names[start + MODELS.index(each.model_b)],
            )
            for each in a_run(4, 4, seed=start).games
        )
        for start in range(17)
    ]
    games = {(g.question_id, g.turn, g.model_a, g.model_b): g for part in parts for g in part}
    return replace(run, answers=(), graded=(), games=tuple(games.values()))


@pytest.mark.browser
def test_ranks_are_shown_by_mouse_and_keyboard(opened):
    """Each circle names its analyses; arrow keys move along the ranks of a model."""
    page = opened(a_page(a_run(3, 8)))
    strip = page.locator("#robustness .roving").first

    strip.locator(".disc").first.hover()
    expect(page.locator("#tip")).to_contain_text("vicuna-13b: rank 1 in 21 of 21 ways")
    strip.locator(".tip").first.focus()
    expect(page.locator("#tip")).to_contain_text("rank 1 in the ranking, whose rank set is 1 to")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tip")).to_contain_text("vicuna-13b: rank 1 in 21 of 21 ways")
    page.locator("#robustness summary").click()
    rows = page.locator("#robustness .ways tbody tr")
    expect(rows.first).to_contain_text("This ranking")
    expect(page.locator("#robustness .ways")).to_contain_text("there is a single judge")


@pytest.mark.browser
def test_twenty_models_fit_a_phone(opened):
    """Only the wide table scrolls horizontally, and adjacent ranks do not overlap."""
    page = opened(a_page(many()), **NARROW)
    page.locator("#robustness summary").click()

    assert page.locator("#robustness .rows .roving").count() == 20
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    width = page.locator("#robustness .rows .roving").first.bounding_box()["width"]
    largest = page.eval_on_selector_all(
        "#robustness .disc", "all => Math.max(...all.map(c => +c.getAttribute('r')))"
    )
    assert 2 * largest < width / 19


def test_a_reversal_of_a_separated_pair_is_first_and_highlighted():
    """A reversed pair is a problem only if the ranking separates the two models."""
    records = a_run(3, 8)
    battles = collect_battles(records)
    found = analyze_robustness(records, battles, build_leaderboard(records, battles))
    first, second, third = found.ranks
    changed = replace(
        found.counted[0],
        reversals=(
            RankReversal(ahead=second, behind=third, is_separated=False),
            RankReversal(ahead=first, behind=second, is_separated=True),
        ),
    )
    page = a_page(records, variants=(changed,), separated=frozenset({(first, second)}))
    section = page[page.index('<section id="robustness"') :].partition("</section>")[0]

    assert "1 changes places" in section
    assert section.count('class="trouble"') == 2
    assert section.index(">yes<") < section.index(">no<")
    assert "This is no interval" in section
    warned = page[page.index('<aside class="cautions"') :].partition("</aside>")[0]
    assert f"clearly separated models swap places: {first} and {second} in 1 of 1 ways." in warned
    assert third not in warned.partition("In other analyses")[2]


def test_a_page_without_a_ranking_has_no_such_section():
    """One model is not ranked."""
    records = a_run(1, 4)
    battles = collect_battles(records)

    assert 'id="robustness"' not in render_page(
        records, battles, build_leaderboard(records, battles)
    )
