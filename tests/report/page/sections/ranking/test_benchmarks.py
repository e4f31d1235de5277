"""Test the section of the page on standard benchmarks."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import a_run
from hostile_texts import PAYLOADS

from evalharness.analysis import build_leaderboard
from evalharness.domain import BenchmarkSample, BenchmarkScore
from evalharness.judge import collect_battles
from evalharness.report import render_page

SCORE = BenchmarkScore(
    model="",
    benchmark="arc",
    task="arc",
    metric="acc_norm",
    value=0.5,
    stderr=0.02,
    n=1172,
    few_shot=25,
    harness_version="0.4.13",
    headline=True,
    suite="openllm_v1",
)
PUBLISHED = {
    "model": "vicuna-13b",
    "of": "Vicuna-13B v1.3",
    "benchmark": "arc",
    "suite": "openllm_v1",
    "title": "Open LLM Leaderboard v1",
    "value": 0.546,
    "source": "https://example.org/card",
}


def _section(records):
    battles = collect_battles(records)
    page = render_page(records, battles, build_leaderboard(records, battles))
    return re.search(r'<section[^>]*id="benchmarks".*?</section>', page, re.DOTALL)[0]


def _models(records):
    return sorted({answer.model for answer in records.answers})


@pytest.fixture
def run():
    """Return a run whose models all have a figure of one benchmark, in the order of their names."""
    records = a_run()
    scores = [
        replace(SCORE, model=model, value=0.3 + number / 10)
        for number, model in enumerate(_models(records))
    ]
    return replace(records, benchmarks=tuple(scores))


def test_bars_show_their_error_and_number_of_examples(run):
    """A score is shown with its standard error and its number of examples."""
    section = _section(run)

    assert "acc_norm, 25-shot, 1,172 examples" in section
    assert "30.0%" in section
    assert "\N{PLUS-MINUS SIGN} 2.0" in section
    assert 'x1="28.00%"' in section
    assert 'x2="32.00%"' in section
    assert "normalized" not in section.partition("</p>")[2]


def test_a_normalized_score_is_shown_next_to_the_raw_one(run):
    """Raw and normalized scores are both in use."""
    scores = tuple(replace(each, normalized=each.value - 0.25) for each in run.benchmarks)

    section = _section(replace(run, benchmarks=scores))

    assert "5.0% normalized" in section
    assert "30.0%" in section


def test_published_figures_are_marked_and_name_their_source(run):
    """A reader can distinguish them from measured scores."""
    only = PUBLISHED | {"benchmark": "mt_bench", "suite": "mt_bench", "title": "MT-bench"}
    only |= {"value": 6.39}
    records = replace(run, manifest={"published": [PUBLISHED, only]})

    section = _section(records)

    assert section.count('class="published"') == 2
    assert 'published: <a href="https://example.org/card"' in section
    assert "Vicuna-13B v1.3" in section
    assert "published figures only" in section
    assert "6.39" in section
    assert "54.6%" in section


def test_judge_and_benchmarks_are_compared_by_rank(run):
    """An interval is shown if there are enough models."""
    section = _section(run)
    row = re.search(r"<tr><th scope=\"row\">arc</th>(.*?)</tr>", section, re.DOTALL)[1]
    cells = re.findall(r">([^<]*)</td>", row)

    assert "rank correlation" in section
    assert -1 <= float(cells[0].replace("\N{MINUS SIGN}", "-")) <= 1
    assert int(cells[2]) == len(_models(run))


def test_an_example_shows_its_prompt_its_choices_and_each_reply(run):
    """Examples explain a surprising score."""
    models = _models(run)[:2]
    samples = tuple(
        BenchmarkSample(
            model=model,
            benchmark="arc",
            task="arc_challenge",
            doc_id=7,
            prompt="x" * 3000 + "What is ice?",
            target="1",
            choices=(" fire", " water"),
            log_likelihoods=(-3.25 - number, -1.5),
            metrics={"acc": 1.0},
        )
        for number, model in enumerate(models)
    )

    section = _section(replace(run, samples=samples))

    assert section.count("What is ice?") == 1
    assert "1,812 characters before" in section
    assert "water <strong>(right)</strong>" in section
    for shown in ("\N{MINUS SIGN}3.25", "\N{MINUS SIGN}4.25", "\N{MINUS SIGN}1.50"):
        assert shown in section
    assert "arc: 1 example<" in section


def test_untrusted_texts_are_escaped(run):
    """Names of tasks, prompts, replies and sources are escaped."""
    bad = PAYLOADS[6]
    sample = BenchmarkSample(
        model=_models(run)[0],
        benchmark=bad,
        task=bad,
        doc_id=0,
        prompt=bad,
        target=bad,
        reply=bad,
        metrics={bad: 1.0},
    )
    score = replace(run.benchmarks[0], benchmark=bad, task=bad, metric=bad, suite=bad)
    published = {**PUBLISHED, "of": bad, "title": bad}
    records = replace(
        run,
        benchmarks=(*run.benchmarks, score),
        samples=(sample,),
        manifest={"published": [published]},
    )

    section = _section(records)

    assert bad not in section


def test_a_run_with_benchmarks_only_lists_no_questions(run):
    """Questions that no model received are not listed."""
    alone = replace(run, answers=(), graded=(), games=())
    page = render_page(alone, (), build_leaderboard(alone, ()))

    assert "Benchmarks only: nothing was judged, so no model is ranked." in page
    assert "3 models on 1 benchmark<" in page
    assert 'id="questions"' not in page
    assert "judged by nobody" not in page


def test_a_run_with_unjudged_answers_reports_missing_judgments(run):
    """A run with benchmarks and unjudged answers lists its questions."""
    page = render_page(replace(run, graded=(), games=()), (), build_leaderboard(run, ()))

    assert 'id="questions"' in page
    assert "judged by nobody" in page
