"""Test the top of the page: what it counts."""

from __future__ import annotations

import re
from dataclasses import replace

from builders import a_run, a_vote

from evalharness.analysis import build_leaderboard
from evalharness.judge import collect_battles
from evalharness.report.page.page_data import collect_page_data
from evalharness.report.page.sections.record.summary import render_summary


def _tiles(records):
    """Return the counts on the page's tiles by their labels."""
    battles = collect_battles(records)
    page = render_summary(collect_page_data(records, battles, build_leaderboard(records, battles)))
    return {
        label: int(number) for label, number in re.findall(r"<dt>(.+?)</dt><dd>(\d+)</dd>", page)
    }


def test_votes_that_check_a_judge_are_no_battles_of_the_table():
    """A labelled run has as many battles as before, and its votes beside them."""
    run = a_run(models=3, questions=6)
    votes = [
        a_vote(*sorted(battle.models), question_id=battle.question_id, digest=f"v{number}")
        for number, battle in enumerate(collect_battles(run)[:4])
    ]
    labelled = replace(run, votes=tuple(votes))

    before, after = _tiles(run), _tiles(labelled)

    assert after["battles"] == before["battles"] == len(collect_battles(run))
    assert after["votes"] == 4


def test_votes_without_a_result_are_unscored():
    """An annotator that gave no preference is seen."""
    run = a_run(models=2, questions=4)
    missing = replace(a_vote(winner=None, digest="v"), unscored="unscored_in_source")

    assert _tiles(replace(run, votes=(missing,)))["unscored"] == _tiles(run)["unscored"] + 1


def test_imported_votes_have_no_counts_of_answers_and_grades():
    """A row of zeros would look like a run in which everything went wrong."""
    run = a_run(models=2, questions=4)
    votes = [a_vote(digest=f"v{number}", question_id=f"q{number}") for number in range(4)]
    imported = replace(run, answers=(), graded=(), games=(), votes=tuple(votes))

    assert set(_tiles(imported)) == {"votes", "battles"}
    assert {"answers", "cut off", "empty", "unscored", "failures"} <= set(_tiles(run))
