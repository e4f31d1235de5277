"""Test the section of the page on the panel; a single judge has none."""

from __future__ import annotations

from dataclasses import replace

from builders import a_run

from evalharness.analysis import build_leaderboard
from evalharness.domain import RunConfig
from evalharness.judge import collect_battles
from evalharness.report import render_page


def page_of(records):
    """Return the page of a run."""
    battles = collect_battles(records)
    return render_page(records, battles, build_leaderboard(records, battles))


def merged(names, **config):
    """Return several runs with different seeds and judges as one merged run."""
    runs = [a_run(seed=seed) for seed, _ in enumerate(names)]
    return replace(
        runs[0],
        graded=tuple(
            replace(each, judge=name)
            for name, run in zip(names, runs, strict=True)
            for each in run.graded
        ),
        games=tuple(
            replace(each, judge=name)
            for name, run in zip(names, runs, strict=True)
            for each in run.games
        ),
        config=RunConfig.from_tree({**runs[0].config.tree, **config}),
    )


def test_a_panels_judges_agreement_and_ranks_without_each_are_shown():
    """Names are escaped."""
    page = page_of(merged(("gpt-4", "<b>mine</b>", "gpt-4o")))

    assert 'id="panel"' in page
    assert "<bdi>&lt;b&gt;mine&lt;/b&gt;</bdi>" in page
    assert "<b>mine</b>" not in page
    for said in ("Severity", "Discrimination", "Krippendorff", "Without <bdi>gpt-4o</bdi>"):
        assert said in page
    assert "Each judge has one voice" in page


def test_the_page_says_when_judges_are_weighed():
    """Every figure depends on the weights."""
    page = page_of(merged(("x", "y", "z"), judging={"panel": "rater"}))

    assert "Judges are weighed" in page
    assert "judge-aware Bradley-Terry" in page


def test_a_single_judge_has_no_panel():
    """Agreement needs at least two judges."""
    assert 'id="panel"' not in page_of(a_run())
