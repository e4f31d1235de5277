"""The page is one file, the same to the byte for the same records, and never invents a figure."""

import base64
import re
import zlib
from dataclasses import replace
from typing import Any

import pytest
from builders import (
    a_leaderboard,
    a_run,
    answer,
    battle,
    failure,
    graded_judgment,
    pairwise_judgment,
    question,
)
from hostile import PAYLOADS

from evalharness.domain import BenchmarkScore, RunRecords, Verdict, Winner
from evalharness.leaderboard import Leaderboard, LeaderboardRow, build
from evalharness.report import render
from evalharness.report.numerals import ABSENT
from evalharness.settle import settle_all


def page_of(records: RunRecords) -> str:
    """Return the page of a run with its own battles and table."""
    battles = settle_all(records.games)
    return render(records, battles, build(records, battles))


def bodies(page: str) -> list[str]:
    """Return the unpacked bodies of a page's questions."""
    packed = re.findall(r'data-packed="([^"]*)"', page)
    return [zlib.decompress(base64.b64decode(each)).decode() for each in packed]


def text_of(html: str) -> str:
    """Return HTML without its tags, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))


def test_the_same_records_give_the_same_bytes() -> None:
    """A report can be compared and cached: no clock and no chance is in it."""
    assert page_of(a_run(seed=3)) == page_of(a_run(seed=3))


def test_judgments_that_needed_a_repair_are_counted_for_their_judge() -> None:
    """A judge that has to be asked twice is not as good an instrument as one that has not."""
    records = a_run(pairwise_games=False)
    repaired = tuple(replace(grade, repaired=True) for grade in records.graded[:3])

    page = text_of(page_of(replace(records, graded=(*repaired, *records.graded[3:]))))

    assert f"3 of {len(records.graded)} judgments needed a repair" in page
    assert "needed a repair" not in page_of(records)


def test_probability_that_went_elsewhere_is_shown_beside_the_decision() -> None:
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

    [body] = bodies(page_of(records))

    assert "63% of the probability on a decision" in text_of(body)
    assert text_of(body).count("91% of the probability on a decision") == 2


def test_the_page_names_no_other_file() -> None:
    """Nothing is loaded: every source and stylesheet is inside, and links are only links."""
    page = page_of(a_run())

    loaded = re.findall(r"""(?:src|srcset|data|poster)\s*=\s*["']([^"']*)""", page)
    assert [each for each in loaded if not each.startswith("data:")] == []
    assert re.findall(r"<link[^>]*>", page) == ['<link rel="icon" href="data:,">']
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src &#39;none&#39;" in page


def test_absent_figures_are_en_dashes() -> None:
    """What was not measured is not 0."""
    rows = (LeaderboardRow(model="vicuna-13b", score=7.0), LeaderboardRow(model="alpaca-7b"))
    page = render(a_run(models=2), (), Leaderboard(rows=rows))

    body = re.search(r'<table class="sortable">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert body is not None
    second = re.findall(r"<td[^>]*>(.*?)</td>", body[1].split("<tr>")[2], re.DOTALL)
    measures = {text_of(cell).strip() for cell in second[:4]}
    assert measures == {ABSENT}


def test_a_game_tells_who_was_shown_first_and_the_battle_who_won() -> None:
    """A verdict is a position and a winner is a model; the page shows both."""
    records = RunRecords(
        name="demo",
        questions=(question("81"),),
        games=(
            pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=Verdict.A, reply="first is it"),
            pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=Verdict.B, reply="second is it"),
        ),
    )
    (body,) = bodies(page_of(records))

    assert "vicuna-13b wins" in text_of(body)
    assert "vicuna-13b shown first, alpaca-7b second: verdict A, so vicuna-13b" in text_of(body)
    assert "alpaca-7b shown first, vicuna-13b second: verdict B, so vicuna-13b" in text_of(body)
    assert "first is it" in body
    assert "second is it" in body
    assert "orders disagree" not in body


def test_orders_that_disagree_are_marked() -> None:
    """A judge that follows the position is caught in the act."""
    games = (
        pairwise_judgment("vicuna-13b", "alpaca-7b", verdict=Verdict.A),
        pairwise_judgment("alpaca-7b", "vicuna-13b", verdict=Verdict.A),
    )
    records = RunRecords(name="demo", questions=(question("81"),), games=games)
    page = page_of(records)

    assert "orders disagree" in bodies(page)[0]
    assert 'data-flags="orders"' in page


def test_unscored_and_cut_off_are_said_with_their_reasons() -> None:
    """A reply that could not be read, or was cut, shows so at its place."""
    records = RunRecords(
        name="demo",
        questions=(question("81"),),
        answers=(answer("vicuna-13b", finish_reason="length"),),
        graded=(graded_judgment("vicuna-13b", score=None, unscored="no rating in the reply"),),
        failures=(failure("alpaca-7b"),),
    )
    page = render(records, (), Leaderboard(rows=()))
    (body,) = bodies(page)

    assert "cut off at max_tokens" in body
    assert "unscored: no rating in the reply" in body
    assert "alpaca-7b, turn 1, timeout after 8 attempts" in text_of(body)
    assert 'data-flags="unscored truncated failed"' in page


def test_battles_without_their_games_are_still_shown() -> None:
    """Imported battles may come without the judge's words."""
    records = RunRecords(name="demo", questions=(question("81"),))
    page = render(records, (battle(winner=Winner.TIE),), Leaderboard(rows=()))

    assert "The games themselves are not stored." in bodies(page)[0]


def test_what_a_reader_must_know_stands_at_the_top() -> None:
    """Cautions, notes, usage and the command of the run are told."""
    manifest: dict[str, Any] = {
        "cautions": ["This judge is too weak to trust."],
        "usage": {
            "candidates": {"calls": 48, "prompt_tokens": 1200, "completion_tokens": 3400},
            "judges": {"calls": 9, "prompt_tokens": None, "completion_tokens": 1, "usd": 1.5},
        },
        "command": "python -m evalharness run",
        "finished": "2025-03-01",
    }
    table = a_leaderboard(notes=("Nobody beat koala-13b.", "This judge is too weak to trust."))
    page = render(a_run(manifest=manifest), (), table)

    assert page.count("This judge is too weak to trust.") == 1
    assert "Nobody beat koala-13b." in page
    assert "1,200" in page
    assert "$1.50" in page
    assert "python -m evalharness run" in page
    assert "2025-03-01" in page
    assert "<dt>cost</dt>" not in page, "one role's cost is unknown, so the sum is as well"


@pytest.mark.parametrize(
    "records",
    [
        RunRecords(name="empty"),
        RunRecords(name="asked", questions=(question(),)),
        a_run(models=1, questions=1, pairwise_games=False),
        a_run(models=2, questions=1),
        a_run(models=3, graded=False),
        a_run(models=3, pairwise_games=False),
    ],
)
def test_unfinished_runs_have_a_page(records: RunRecords) -> None:
    """A run that stopped early, or judged in one way only, can be looked at."""
    page = page_of(records)

    assert page.startswith("<!DOCTYPE html>")
    assert "None" not in text_of(re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL))


def test_category_scores_carry_the_interval_of_their_mean() -> None:
    """The interval holds the leaderboard's figure, and one question alone has none."""
    page = page_of(a_run(models=2, questions=16))
    alone = page_of(a_run(models=2, questions=8))

    told = re.findall(r'aria-label="math, [^:"]*: ([\d.]+) \(([\d.]+) to ([\d.]+)\)"', page)
    assert len(told) == 2
    for value, low, high in told:
        assert float(low) <= float(value) <= float(high)
        assert float(low) + float(high) == pytest.approx(2 * float(value), abs=0.02)
    assert re.findall(rf'aria-label="math, [^"]*\({ABSENT}\)"', alone)


def test_benchmarks_show_error_and_count() -> None:
    """A benchmark's value stands beside its standard error and its examples."""
    score = BenchmarkScore(
        model="vicuna-13b",
        benchmark="hellaswag",
        task="hellaswag",
        metric="acc_norm",
        value=0.8123,
        stderr=0.0039,
        n=10042,
        few_shot=10,
        harness_version="0.4.9",
    )
    page = page_of(replace(a_run(), benchmarks=(score,)))

    assert "0.812" in page
    assert "± 0.004, n = 10,042" in text_of(page).replace("&plusmn;", "±")


def test_hostile_names_stay_text() -> None:
    """Not only answers: names, categories, identifiers and reasons are strangers' text too."""
    bad = PAYLOADS[6]
    records = RunRecords(
        name=bad,
        questions=(question(bad, category=bad, turns=(bad,), references=(bad,)),),
        answers=(answer(bad, bad, texts=(bad,), finish_reason=bad),),
        graded=(graded_judgment(bad, bad, judge=bad, reply=bad, score=None, unscored=bad),),
        games=(pairwise_judgment(bad, "x", bad, judge=bad, reply=bad),),
        failures=(failure(bad, bad, reason=bad),),
        config={bad: bad},
        manifest={"cautions": [bad], "usage": {bad: {"calls": 1}}, "command": bad, "finished": bad},
    )
    page = render(records, (battle(bad, "x", bad, judge=bad),), a_leaderboard(notes=(bad,)))

    assert "<img" not in page
    assert "<img" not in "".join(bodies(page))


def test_a_page_of_two_models_stays_small() -> None:
    """Two models on sixteen questions must stay under two megabytes; it is far less."""
    size = len(page_of(a_run(models=2, questions=16)).encode())
    print(f"2 models x 16 questions: {size / 1e6:.2f} MB")  # noqa: T201 - shown with -s

    assert size < 2_000_000
