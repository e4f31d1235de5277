"""Test the tables that are corrected by people's labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import a_run

from evalharness.analysis import build_leaderboard
from evalharness.domain import Vote, Winner
from evalharness.judge import collect_battles
from evalharness.report import render_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Open = Callable[..., Page]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def html() -> str:
    """Return the page of a run on which a person voted, and graded one point below the judge."""
    records = a_run(models=5, questions=30)
    labelled = {question.question_id for question in records.questions[6:22]}
    votes = tuple(
        Vote(
            question_id=battle.question_id,
            turn=battle.turn,
            judge="human:ada",
            model_a=battle.model_a,
            model_b=battle.model_b,
            winner=Winner.TIE if number % 3 == 0 else battle.winner,
            digest=f"vote {number}",
        )
        for number, battle in enumerate(collect_battles(records))
        if battle.question_id in labelled
    )
    grades = tuple(
        replace(grade, judge="human:ada", score=max(1, grade.score - 1), digest=f"h{number}")
        for number, grade in enumerate(records.graded)
        if grade.question_id in labelled and grade.score is not None
    )
    records = replace(records, votes=votes, graded=(*records.graded, *grades))
    battles = collect_battles(records)
    return render_page(records, battles, build_leaderboard(records, battles))


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_corrected_figures_are_shown_next_to_the_judges_figures(
    opened: Open, html: str, width: int, scheme: str
) -> None:
    """The page shows ranks, three figures per model with both marks, and the labels saved."""
    page = opened(html, color_scheme=scheme, viewport={"width": width, "height": 900})
    part = page.locator("#people")

    assert part.locator("table.corrected tbody tr").count() == 5
    assert part.locator("[aria-label*='corrected']").count() == 15
    assert part.locator("circle.solid").count() == part.locator("circle.hollow").count() == 15
    assert part.locator(".savings > div").count() == 3
    words = part.inner_text()
    assert "grades alone: the judge saved" in words
    assert "votes" in words
    assert "Intervals reach" in words
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_table_at_the_top_stays_the_judges(opened: Open, html: str) -> None:
    """People's grades are not a second judge: they make no panel and change no mean."""
    page = opened(html)

    assert page.locator("#panel").count() == 0
    assert "grades of people are on answers beside the judge's" in page.content()
