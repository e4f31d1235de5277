"""Test that the page is one file, reproducible to the byte, and without invented figures."""

import base64
import json
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
from caution_lists import cautions
from hostile_texts import PAYLOADS

from evalharness.analysis import Leaderboard, LeaderboardRow, build_leaderboard
from evalharness.domain import BenchmarkScore, RunConfig, RunRecords
from evalharness.judge import settle_battles
from evalharness.report import render_page
from evalharness.report.number_format import ABSENT
from evalharness.report.page.html_document import list_sections


def page_of(records: RunRecords) -> str:
    """Return the page of a run with its battles and leaderboard."""
    battles = settle_battles(records.games)
    return render_page(records, battles, build_leaderboard(records, battles))


def unpacked_questions(page: str) -> list[str]:
    """Return the compressed content of the page: the answers, then the games, of each question."""
    packed = re.findall(r'<script type="text/plain" id="(?:answers|games)-\d+">([^<]*)<', page)
    return [zlib.decompress(base64.b64decode(each)).decode() for each in packed]


def text_of(html: str) -> str:
    """Return HTML without its tags, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))


def test_the_same_records_give_the_same_bytes() -> None:
    """Reports can be compared and cached: they contain neither the time nor random numbers."""
    assert page_of(a_run(seed=3)) == page_of(a_run(seed=3))


def test_judgments_that_needed_a_repair_are_counted_for_their_judge() -> None:
    """A judge that needs second requests is less reliable."""
    records = a_run(pairwise_games=False)
    repaired = tuple(replace(grade, repaired=True) for grade in records.graded[:3])

    page = text_of(page_of(replace(records, graded=(*repaired, *records.graded[3:]))))

    assert f"3 of {len(records.graded)} judgments needed a repair" in page
    assert "needed a repair" not in page_of(records)


def test_the_page_names_no_other_file() -> None:
    """The page loads nothing: scripts and styles are inline, and links are only links."""
    page = page_of(a_run())

    loaded = re.findall(r"""(?:src|srcset|data|poster)\s*=\s*["']([^"']*)""", page)
    assert [each for each in loaded if not each.startswith("data:")] == []
    assert re.findall(r"<link[^>]*>", page) == ['<link rel="icon" href="data:,">']
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src &#39;none&#39;" in page


def test_absent_figures_are_en_dashes() -> None:
    """A figure that was not measured is not shown as 0."""
    rows = (LeaderboardRow(model="vicuna-13b", score=7.0), LeaderboardRow(model="alpaca-7b"))
    page = render_page(a_run(models=2), (), Leaderboard(rows=rows))

    body = re.search(r'<table class="sortable" id="board">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert body is not None
    second = re.findall(r"<td[^>]*>(.*?)</td>", body[1].split("<tr>")[2], re.DOTALL)
    measures = {text_of(cell).strip() for cell in second[:4]}
    assert measures == {ABSENT}


def test_cautions_are_at_the_top_of_the_page() -> None:
    """The page shows cautions, notes, usage and the command of the run."""
    manifest: dict[str, Any] = {
        "cautions": ["This judge is too weak to trust."],
        "usage": {
            "candidates": {"calls": 48, "prompt_tokens": 1200, "completion_tokens": 3400},
            "judges": {"calls": 9, "prompt_tokens": None, "completion_tokens": 1, "usd": 1.5},
        },
        "command": "python -m evalharness run",
        "finished": "2025-03-01",
    }
    table = a_leaderboard(
        cautions=cautions("Nobody beat koala-13b.", "This judge is too weak to trust.")
    )
    page = render_page(a_run(manifest=manifest), (), table)

    assert page.count("This judge is too weak to trust.") == 1
    assert "Nobody beat koala-13b." in page
    assert "1,200" in page
    assert "$1.50" in page
    assert "python -m evalharness run" in page
    assert "1 March 2025" in page
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
    """An interrupted run, or a run with one kind of judgment, has a page."""
    page = page_of(records)

    assert page.startswith("<!DOCTYPE html>")
    assert "None" not in text_of(re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL))


def test_category_scores_carry_the_interval_of_their_mean() -> None:
    """The interval contains the figure of the leaderboard; a single question has no interval."""
    page = page_of(a_run(models=2, questions=16))
    alone = page_of(a_run(models=2, questions=8))

    told = re.findall(r'aria-label="math, [^:"]*: ([\d.]+) \(([\d.]+) to ([\d.]+)\)"', page)
    assert len(told) == 2
    for value, low, high in told:
        assert 1 <= float(low) < float(value) < float(high) <= 10
    assert re.findall(rf'aria-label="math, [^"]*\({ABSENT}\)"', alone)


def test_benchmarks_show_error_and_count() -> None:
    """A benchmark score is shown with its standard error and its number of examples."""
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


def test_hostile_names_are_escaped() -> None:
    """Names, categories, identifiers and reasons are third-party text, like answers."""
    bad = PAYLOADS[6]
    records = RunRecords(
        name=bad,
        questions=(question(bad, category=bad, turns=(bad,), references=(bad,)),),
        answers=(answer(bad, bad, texts=(bad,), finish_reason=bad),),
        graded=(graded_judgment(bad, bad, judge=bad, reply=bad, score=None, unscored=bad),),
        games=(pairwise_judgment(bad, "x", bad, judge=bad, reply=bad),),
        failures=(failure(bad, bad, reason=bad),),
        config=RunConfig.from_tree({bad: bad}),
        manifest={"cautions": [bad], "usage": {bad: {"calls": 1}}, "command": bad, "finished": bad},
    )
    page = render_page(
        records, (battle(bad, "x", bad, judge=bad),), a_leaderboard(cautions=cautions(bad))
    )

    assert "<img" not in page
    html = [
        reply["html"]
        for turn in json.loads(unpacked_questions(page)[0])["turns"]
        for reply in turn["replies"]
    ]
    assert html
    assert "<img" not in "".join(html)


def test_a_page_of_two_models_stays_small() -> None:
    """The page of two models on sixteen questions has less than two megabytes."""
    size = len(page_of(a_run(models=2, questions=16)).encode())
    print(f"2 models x 16 questions: {size / 1e6:.2f} MB")  # noqa: T201 - shown with -s

    assert size < 2_000_000


def test_rating_is_plotted_against_each_benchmark_with_the_cost() -> None:
    """The size of a mark is the cost, or the number of tokens if there are no prices."""
    board = a_leaderboard(3)
    rows = tuple(
        replace(row, benchmarks={"arc": 0.4 + 0.1 * place}) for place, row in enumerate(board.rows)
    )
    records = a_run(models=3)
    answers = tuple(
        replace(each, turns=tuple(replace(turn, cached_tokens=3) for turn in each.turns))
        for each in records.answers
    )
    records = replace(records, answers=answers)
    prices = {"input": 1.0, "output": 10.0, "cached_input": 0.5}
    priced = {"models": {"m": {"name": "vicuna-13b", "prices": prices}}}
    tokens = [
        (turn.prompt_tokens, turn.completion_tokens)
        for each in records.answers
        if each.model == "vicuna-13b"
        for turn in each.turns
    ]
    cost = sum(read - 3 + 3 * 0.5 + 10 * written for read, written in tokens) / 1e6

    with_prices = render_page(
        replace(records, config=RunConfig.from_tree(priced)), (), replace(board, rows=rows)
    )
    without = render_page(records, (), replace(board, rows=rows))

    assert f"vicuna-13b: arc 0.400, rating 1060, ${cost:.4f}" in with_prices
    assert "koala-13b: arc 0.500, rating 1000, cost not known" in with_prices
    written = sum(written for _, written in tokens)
    assert f"vicuna-13b: arc 0.400, rating 1060, {written:,} tokens written" in without
    assert "Rating against benchmarks" not in render_page(records, (), board)


def test_grades_are_plotted_by_frequency_and_by_length() -> None:
    """Counts, means and lengths equal those of the records."""
    records = a_run(models=2, questions=8)
    own = [grade.score for grade in records.graded if grade.model == "vicuna-13b"]
    lengths = [
        len(turn.text)
        for each in records.answers
        if each.model == "vicuna-13b"
        for turn in each.turns
    ]

    page = page_of(records)

    mean = f"{sum(own) / len(own):.2f}"
    assert f"vicuna-13b: 16 grades, mean {mean}; " in page
    characters = f"{sum(lengths) / len(lengths):,.0f}"
    assert f"vicuna-13b: {characters} characters and grade {mean} on average" in page


def test_merged_runs_show_their_differences_and_have_no_label_form() -> None:
    """Votes are imported into a run, and a merged report is not a run."""
    joined: dict[str, Any] = {
        "runs": [
            {"name": name, "finished": "", "command": "c", "questions": 8, "models": [PAYLOADS[0]]}
            for name in ("one", PAYLOADS[5])
        ],
        "differences": [{"setting": "judge.reading", "values": ["text", None]}],
    }

    page = render_page(a_run(manifest={"joined": joined}), (), a_leaderboard())

    assert "<code>judge.reading</code></th><td>text</td><td>–</td>" in page  # noqa: RUF001
    assert 'id="label-start"' not in page
    assert "<img" not in page


def test_prompts_of_a_run_by_an_earlier_release_are_shown() -> None:
    """Settings that a saved configuration lacks have their defaults."""
    conf = {
        "name": "gpt-4",
        "model": {"name": "gpt-4", "backend": "openai_compatible"},
        "prompts": {
            "graded": {
                "name": "single-v1",
                "kind": "graded",
                "system": "",
                "template": "{% for t in turns %}{{ t.answer }}{% endfor %} [[rating]]",
            }
        },
    }
    models = {"vicuna-13b": {"name": "vicuna-13b", "backend": "openai_compatible"}}
    records = RunRecords(
        name="demo",
        questions=(question(),),
        answers=(answer(),),
        graded=(graded_judgment(),),
        config=RunConfig.from_tree({"judge": conf, "models": models}),
    )

    answers, games = map(json.loads, unpacked_questions(page_of(records)))

    assert answers["turns"][0]["replies"][0]["asked"]
    assert games["patterns"][0]["graded"] == {"0": "\ue000a1\ue001 [[rating]]"}


def test_each_section_has_an_address_of_its_own() -> None:
    """Links and scripts use the address, so a renamed module keeps it."""
    addresses = [section.address for section in list_sections()]

    assert len(addresses) == len(set(addresses))
    assert {"summary", "leaderboard", "comparisons", "recorded", "people", "labelling"} <= {
        *addresses
    }


def test_an_unknown_price_is_on_the_tile_of_the_cost() -> None:
    """Dollars that leave out a model would read as all of them."""
    usage = {
        "candidates": {"calls": 4, "usd": 1.25, "unpriced": ["<b>mine</b>"]},
        "judges": {"calls": 9, "usd": 1.5},
    }

    page = render_page(a_run(manifest={"usage": usage}), (), a_leaderboard())

    assert "$2.75 + ?" in page
    assert "cost; price unknown: &lt;b&gt;mine&lt;/b&gt;" in page
