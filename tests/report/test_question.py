"""An opened question in a real browser: whose words they are, what was decided, what was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import answer, battle, failure, graded_judgment, pairwise_judgment, question
from playwright.sync_api import expect

from evalharness.domain import RunRecords, Verdict, Winner
from evalharness.leaderboard import Leaderboard
from evalharness.report import render
from evalharness.settle import settle_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from evalharness.domain import Battle

    Open = Callable[..., Page]

pytestmark = pytest.mark.browser


def body_of(opened: Open, records: RunRecords, battles: tuple[Battle, ...] = ()) -> Locator:
    """Return the body of question 81 with everything in it opened."""
    battles = battles or tuple(settle_all(records.games))
    page = opened(render(records, battles, Leaderboard(rows=())), "#q-81")
    page.wait_for_selector("#q-81 .body[data-state=open]")
    for _ in range(2):  # a judgment opens, and then its prompt
        page.eval_on_selector_all("#q-81 details", "all => all.forEach(d => { d.open = true; })")
        expect(page.locator("#q-81 details:not(:has(> :nth-child(2)))")).to_have_count(0)
    return page.locator("#q-81 .body")


def both_orders(**settings: object) -> tuple:
    """Return a game and its swap that agree on vicuna-13b."""
    first = pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=Verdict.A, **settings)
    second = pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=Verdict.B, **settings)
    return first, second


def test_probability_that_went_elsewhere_is_shown_beside_the_decision(opened: Open) -> None:
    """A grade read from half of the probability is worth less than one read from all of it."""
    grade = replace(graded_judgment(), probabilities={"7": 0.5, "8": 0.13})
    game = replace(pairwise_judgment(), probabilities={"A": 0.6, "B": 0.1, "tie": 0.21})
    records = RunRecords(
        name="demo",
        questions=(question(),),
        answers=(answer("vicuna-13b"), answer("alpaca-7b")),
        graded=(grade,),
        games=(game, replace(game, model_a=game.model_b, model_b=game.model_a)),
    )

    text = body_of(opened, records).inner_text()

    assert "63% of the probability on a decision" in text
    assert text.count("91% of the probability on a decision") == 2


def test_a_game_tells_who_was_shown_first_and_the_battle_who_won(opened: Open) -> None:
    """A verdict is a position and a winner is a model; the page shows both."""
    first, second = both_orders()
    records = RunRecords(
        name="demo",
        questions=(question("81"),),
        games=(replace(first, reply="first is it"), replace(second, reply="second is it")),
    )
    text = body_of(opened, records).inner_text()

    assert "vicuna-13b wins" in text
    assert "vicuna-13b shown first, alpaca-7b second: verdict A, so vicuna-13b" in text
    assert "alpaca-7b shown first, vicuna-13b second: verdict B, so vicuna-13b" in text
    assert "first is it" in text
    assert "second is it" in text
    assert "orders disagree" not in text


def test_orders_that_disagree_are_marked(opened: Open) -> None:
    """A judge that follows the position is caught in the act."""
    games = (
        pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=Verdict.A),
        pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=Verdict.A),
    )
    body = body_of(opened, RunRecords(name="demo", questions=(question("81"),), games=games))

    assert "orders disagree" in body.inner_text()
    assert body.page.locator("#q-81").get_attribute("data-flags") == "orders"


def test_unscored_and_cut_off_are_said_with_their_reasons(opened: Open) -> None:
    """A reply that could not be read, or was cut, shows so at its place."""
    records = RunRecords(
        name="demo",
        questions=(question("81"),),
        answers=(answer("vicuna-13b", finish_reason="length"),),
        graded=(graded_judgment("vicuna-13b", score=None, unscored="no rating in the reply"),),
        failures=(failure("alpaca-7b"),),
    )
    body = body_of(opened, records)
    text = body.inner_text()

    assert "cut off at max_tokens" in text
    assert "unscored: no rating in the reply" in text
    assert "alpaca-7b, turn 1, timeout after 8 attempts" in text
    flags = body.page.locator("#q-81").get_attribute("data-flags")
    assert flags == "unscored truncated failed"


def test_battles_without_their_games_are_still_shown(opened: Open) -> None:
    """Imported battles may come without the judge's words."""
    records = RunRecords(name="demo", questions=(question("81"),))
    body = body_of(opened, records, (battle(winner=Winner.TIE),))

    assert "The games themselves are not stored." in body.inner_text()
