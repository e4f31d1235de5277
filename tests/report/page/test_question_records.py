"""Test an open question in a real browser: replies, decisions and prompts."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest
from builders import a_run, answer, battle, failure, graded_judgment, pairwise_judgment, question
from playwright.sync_api import expect

from evalharness.analysis import Leaderboard
from evalharness.config import ModelConf, build_judge_spec, complete_saved_judge
from evalharness.domain import JudgmentKind, RunConfig, RunRecords, Verdict, Winner
from evalharness.judge import render_judge_prompt, settle_battles
from evalharness.report import render_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from evalharness.domain import Battle

    Open = Callable[..., Page]

pytestmark = pytest.mark.browser


def body_of(opened: Open, records: RunRecords, battles: tuple[Battle, ...] = ()) -> Locator:
    """Return the body of question 81 with all its details open."""
    battles = battles or tuple(settle_battles(records.games))
    tall = {
        "width": 1280,
        "height": 4000,
    }  # a browser returns no text of elements far outside the view
    page = opened(render_page(records, battles, Leaderboard(rows=())), "#q-81", viewport=tall)
    page.wait_for_selector("#q-81 .body[data-state=open]")
    for _ in range(3):  # a battle opens, then its games, then their prompts
        page.eval_on_selector_all("#q-81 details", "all => all.forEach(d => { d.open = true; })")
        unfilled = page.locator("#q-81 details[open]:not(:has(> :nth-child(2)))")
        expect(unfilled).to_have_count(0)
    return page.locator("#q-81 .body")


def both_orders(**settings: object) -> tuple:
    """Return a game and its swap that agree on vicuna-13b."""
    first = pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=Verdict.A, **settings)
    second = pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=Verdict.B, **settings)
    return first, second


def test_missing_probability_is_shown_next_to_the_decision(opened: Open) -> None:
    """A grade that accounts for half of the probability is less certain."""
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


def test_a_game_names_the_first_model_and_the_battle_names_the_winner(opened: Open) -> None:
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
    """The page marks pairs in which the judge follows the position."""
    games = (
        pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=Verdict.A),
        pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=Verdict.A),
    )
    body = body_of(opened, RunRecords(name="demo", questions=(question("81"),), games=games))

    assert "orders disagree" in body.inner_text()
    assert body.page.locator("#q-81").get_attribute("data-flags") == "orders"


def test_unscored_and_truncated_replies_show_their_reasons(opened: Open) -> None:
    """Unreadable and truncated replies are marked."""
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
    """Imported battles may lack the replies of the judge."""
    records = RunRecords(name="demo", questions=(question("81"),))
    body = body_of(opened, records, (battle(winner=Winner.TIE),))

    assert "The games themselves are not stored." in body.inner_text()


def test_different_words_are_marked_and_the_link_stores_the_marking(opened: Open) -> None:
    """Only words that the other answer lacks are marked, on both sides when there are two."""
    records = RunRecords(
        name="demo",
        questions=(question("81", turns=("Go.",)),),
        answers=(
            answer("vicuna-13b", texts=("The **quick** brown fox `jumps` high.",)),
            answer("alpaca-7b", texts=("The slow brown fox `jumps` and runs.",)),
        ),
    )
    html = render_page(records, (), Leaderboard(rows=()))
    page = opened(html, "#q-81")
    page.wait_for_selector("#q-81 .body[data-state=open]")

    page.locator(".body-tools select").select_option("vicuna-13b")

    marked = page.locator("#q-81 article")
    assert marked.nth(0).locator("mark").all_inner_texts() == ["quick", "high"]
    assert marked.nth(1).locator("mark").all_inner_texts() == ["slow", "and runs"]
    link = page.locator(".body-tools a").get_attribute("href")
    assert link == "#q-81&models=0,1&from=0"
    again = opened(html, link)
    again.wait_for_selector("#q-81 mark")
    assert again.locator("#q-81 mark").count() == 4
    page.locator(".body-tools select").select_option("no marks")
    assert page.locator("#q-81 mark").count() == 0
    assert page.locator("#q-81 article strong").inner_text() == "quick"


def test_the_exact_prompts_of_model_and_judge_are_shown(opened: Open) -> None:
    """The page shows exactly the text that was sent, for both orders of a pair."""
    conf = a_judge_conf()
    records = RunRecords(
        name="demo",
        questions=(question("81", references=(None, "A beach.")),),
        answers=(
            answer("vicuna-13b"),
            answer("alpaca-7b", texts=(" Hi.\n", "\ue000a1\ue001 {{ x }}")),
        ),
        graded=(replace(graded_judgment("alpaca-7b", turn=2), prompt="graded"),),
        games=tuple(replace(game, prompt="pairwise") for game in both_orders(turn=2)),
        config=RunConfig.from_tree(
            {
                "judge": conf,
                "models": {
                    "alpaca-7b": asdict(ModelConf())
                    | {"name": "alpaca-7b", "backend": "openai_compatible"}
                },
            }
        ),
    )

    seen = body_of(opened, records).locator("pre.code").all_text_contents()

    judge = build_judge_spec(complete_saved_judge(conf), "judge")
    texts = [[turn.text for turn in each.turns] for each in records.answers]
    asked = records.questions[0]

    def prompt(kind: JudgmentKind, *answers: list[str]) -> str:
        return render_judge_prompt(judge.prompts[kind], asked, answers, 2)[-1].content

    assert prompt(JudgmentKind.GRADED, texts[1]) in seen
    assert prompt(JudgmentKind.PAIRWISE, texts[0], texts[1]) in seen
    assert prompt(JudgmentKind.PAIRWISE, texts[1], texts[0]) in seen
    sent = f"[user]\n{asked.turns[0]}\n\n[assistant]\n Hi.\n\n\n[user]\n{asked.turns[1]}"
    assert sent in seen


def test_a_template_that_does_more_than_insert_shows_no_prompt(opened: Open) -> None:
    """No prompt is better than one that was never sent."""
    conf = a_judge_conf(template="{{ turns[-1].answer | upper }} [[rating]]")
    records = RunRecords(
        name="demo",
        questions=(question("81"),),
        answers=(answer("vicuna-13b"),),
        graded=(replace(graded_judgment(), prompt="graded"),),
        config=RunConfig.from_tree({"judge": conf}),
    )

    assert body_of(opened, records).locator("pre.code").count() == 0


def test_keys_select_open_and_mark(opened: Open) -> None:
    """Single-letter keys work until the reader disables them."""
    records = a_run(2, 4)
    page = opened(render_page(records, (), Leaderboard(rows=())))

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_selector("#q-82 .body[data-state=open]")
    page.keyboard.press("d")
    expect(page.locator("#q-82 mark").first).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.question')?.id") != "q-83"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "search"


def a_judge_conf(**graded: str) -> dict:
    """Return a judge as a run's configuration holds it."""
    shown = "{% for t in turns %}<q {{ fence }}>{{ t.question }}</q>{{ t.reference }}"
    templates = {
        "graded": graded.get("template", shown + "{{ t.answer }}{% endfor %} [[rating]]"),
        "pairwise": shown + "<A>{{ t.answer_a }}<B>{{ t.answer_b }}{% endfor %} [[A]] [[B]]",
    }
    return {
        "name": "gpt-4",
        "model": asdict(ModelConf()) | {"name": "gpt-4", "backend": "openai_compatible"},
        "prompts": {
            kind: {"name": kind, "kind": kind, "system": "", "template": template}
            for kind, template in templates.items()
        },
        "reading": "text",
        "repairs": 0,
        "caution": None,
    }


def test_thoughts_are_folded_and_empty_answers_say_why(opened: Open) -> None:
    """Thoughts are text like any other, before their answer, grade or game."""
    hostile = "<img src=x onerror=alert(1)> Which [[B]]?"
    thoughtful, cut = answer("vicuna-13b"), answer("alpaca-7b", finish_reason="length")
    thoughtful = replace(
        thoughtful,
        turns=tuple(
            replace(turn, reasoning=f"{hostile} {number}", reasoning_tokens=1234)
            for number, turn in enumerate(thoughtful.turns)
        ),
    )
    cut = replace(
        cut, turns=tuple(replace(turn, text="", reasoning="Too long") for turn in cut.turns)
    )
    first, second = both_orders(reply="It is A.")
    records = RunRecords(
        name="demo",
        questions=(question(),),
        answers=(thoughtful, cut),
        graded=(replace(graded_judgment(), reasoning="Is it an 8?"),),
        games=(replace(first, reasoning="A, then."), second),
    )

    body = body_of(opened, records)
    text = body.inner_text()

    assert "Thought before the answer (1,234 tokens)" in text
    assert f"{hostile} 0" in text
    assert f"{hostile} 1" in text
    assert text.count("there is no answer") == 2
    assert "Is it an 8?" in text
    assert "A, then." in text
    assert body.locator("img").count() == 0


def test_the_servers_word_for_a_cut_is_shown(opened: Open) -> None:
    """`length` is the budget; other words are the server's own."""
    cut = answer("vicuna-13b", finish_reason="model_context_window_exceeded")
    grade = replace(graded_judgment(), finish_reason="abort", score=None, unscored="truncated")
    records = RunRecords(name="demo", questions=(question(),), answers=(cut,), graded=(grade,))

    text = body_of(opened, records).inner_text()

    assert "cut off, as the server says: model_context_window_exceeded" in text
    assert "cut off: abort" in text
