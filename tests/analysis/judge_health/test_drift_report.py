"""The tests and the report of a drift check."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from builders import a_run, graded_judgment, pairwise_judgment

from evalharness.analysis import (
    DriftFinding,
    DriftReport,
    RepeatedJudgment,
    build_leaderboard,
    describe_judge_drift,
    detect_judge_drift,
    format_drift_report,
    list_drift_cautions,
)
from evalharness.domain import Verdict
from evalharness.judge import collect_battles
from evalharness.report import render_page

A, B, TIE = Verdict.A, Verdict.B, Verdict.TIE


def games(*replies):
    """Return repeated games; each reply is a verdict, or None if it could not be read."""
    return [
        RepeatedJudgment(
            before=_game(number, verdicts[0]),
            later=tuple(_game(number, each) for each in verdicts[1:]),
        )
        for number, verdicts in enumerate(replies)
    ]


def _game(number, verdict):
    unscored = None if verdict else "no_verdict"
    return pairwise_judgment(question_id=f"{number % 10}", verdict=verdict, unscored=unscored)


def grades(*replies):
    """Return repeated grades."""
    return [
        RepeatedJudgment(
            before=graded_judgment(question_id=f"{number % 10}", score=scores[0]),
            later=tuple(graded_judgment(question_id=f"{number % 10}", score=s) for s in scores[1:]),
        )
        for number, scores in enumerate(replies)
    ]


def checked(*judges, **settings):
    """Return the drift report of judges."""
    made = {"run": "tonight", "number": 1, "made": "2026-03-01T10:00:00+00:00", "alpha": 0.05}
    return DriftReport(judges=judges, **{**made, **settings})


def test_equal_replies_are_unchanged_and_the_sentence_gives_the_detectable_change():
    """Without noise, five changed verdicts of a hundred are significant: 3^-5 is below 0.05 / 2."""
    found = detect_judge_drift("gpt-4", games(*[(A, A, A), (B, B, B)] * 50), alpha=0.05)

    assert found.finding is DriftFinding.UNCHANGED
    assert [test.p_value for test in found.tests] == [1.0, 1.0]
    assert found.tests[0].detectable == pytest.approx(0.055, abs=0.01)
    assert describe_judge_drift(found).startswith("No change found in gpt-4: a change of ")
    assert "noisy" not in describe_judge_drift(found)
    assert (found.kappa_then.value, found.kappa_now.value) == (1.0, 1.0)


def test_a_random_judge_is_reported_as_not_testable():
    """If replies are random, no change of single replies is detectable, and the report says so."""
    draw = random.Random(1)
    coins = [tuple(draw.choice([A, B]) for _ in range(3)) for _ in range(40)]

    assert describe_judge_drift(detect_judge_drift("coin", games(*coins), alpha=0.05)).endswith(
        "single verdicts are too noisy, or too few, to show one"
    )


def test_changed_replies_with_unchanged_shares_are_detected():
    """Equally many wins and losses are swapped, so no average shows the change."""
    found = detect_judge_drift(
        "gpt-4", games(*[(A, A, A)] * 60, *[(A, B, B), (B, A, A)] * 10), alpha=0.05
    )
    tests = {test.name: test for test in found.tests}

    assert found.finding is DriftFinding.CHANGED
    assert tests["verdicts"].is_significant
    assert tests["verdicts"].value == pytest.approx(20 / 80)
    assert not tests["verdict_shares"].is_significant
    assert tests["verdict_shares"].value == 0
    assert "odd one out in 20 of 20" in describe_judge_drift(found)


def test_a_shift_of_grades_is_detected_with_its_size():
    """The shift is half a point, on grades that vary by more."""
    draw = random.Random(0)
    scores = [
        (round(base + draw.gauss(0, 1)), *(round(base - 1 + draw.gauss(0, 1)) for _ in range(2)))
        for base in (draw.choice([5, 6, 7]) for _ in range(100))
    ]
    found = detect_judge_drift("gpt-4", grades(*scores), alpha=0.05)
    mean = next(test for test in found.tests if test.name == "mean_grade")

    assert found.finding is DriftFinding.CHANGED
    assert mean.is_significant
    assert mean.value == pytest.approx(np.mean([(b + c) / 2 - a for a, b, c in scores]), abs=1e-12)
    assert mean.low < mean.value < mean.high < 0


def test_replies_that_become_unreadable_are_a_change():
    """A judge that gives no readable verdicts has changed, although no verdict differs."""
    found = detect_judge_drift(
        "gpt-4", games(*[(A, A, A)] * 30, *[(A, None, None)] * 8), alpha=0.05
    )

    assert found.finding is DriftFinding.CHANGED
    unread = next(part for part in found.parts if part.name == "unread")
    assert (unread.before, round(unread.after, 2)) == (0.0, 0.21)


def test_fewer_than_twenty_complete_judgments_give_no_finding():
    """Nineteen changed verdicts of nineteen are too few; a missing reply makes one incomplete."""
    asked = [*games(*[(A, B, B)] * 19), *games((A, B))]
    found = detect_judge_drift("gpt-4", asked, alpha=0.05)

    assert (found.finding, found.missing, found.tests) == (DriftFinding.UNKNOWN, 1, ())
    assert describe_judge_drift(found).startswith(
        "Cannot tell whether gpt-4 has changed: 19 judgments"
    )
    assert checked(found).finding is DriftFinding.UNKNOWN


def test_judges_of_a_panel_share_alpha_and_one_changed_judge_is_reported():
    """Two judges would otherwise double the probability of a false alarm."""
    split = games(*[(A, A, A)] * 40, *[(B, A, A)] * 5, (A, B, A))
    alone = detect_judge_drift("gpt-4", split, alpha=0.05)
    beside = detect_judge_drift("gpt-4", split, alpha=0.05, judges=20)
    same = detect_judge_drift("gpt-4o", games(*[(A, A, A)] * 40), alpha=0.05, judges=20)

    assert (alone.finding, beside.finding) == (DriftFinding.CHANGED, DriftFinding.UNCHANGED)
    assert checked(same, alone).finding is DriftFinding.CHANGED
    assert list_drift_cautions(checked(same, beside)) == ()
    (caution,) = list_drift_cautions(checked(same, alone))
    assert caution.startswith("The judge gpt-4 has changed: ")
    assert "(checked 2026-03-01)" in caution


def test_a_check_is_stored_as_json_and_formatted_as_lines():
    """Reading returns what was written."""
    found = checked(
        detect_judge_drift("gpt-4", games(*[(A, A, TIE)] * 30), alpha=0.05, changed_settings=["x"])
    )

    assert msgspec.json.decode(msgspec.json.encode(found), type=DriftReport) == found
    said = format_drift_report(found)
    assert said[0] == "judge gpt-4: 30 games and 0 grades asked again twice, on 10 questions"
    assert "  asked with another x than in the run" in said


def test_the_page_shows_a_check_and_escapes_the_names_of_judges():
    """Names and server messages are third-party text."""
    records = a_run(3, 4)
    battles = collect_battles(records)
    strange = checked(detect_judge_drift("<b>gpt</b>", games(*[(A, B, B)] * 30), alpha=0.05))
    page = render_page(records, battles, build_leaderboard(records, battles), None, strange)
    section = page[page.index('<section id="drift"') :].partition("</section>")[0]

    assert "<bdi>&lt;b&gt;gpt&lt;/b&gt;</bdi>" in section
    assert "<b>gpt</b>" not in page
    assert "odd one out in 30 of 30" in section
    assert "&lt; 0.001" in section
    assert 'id="drift"' not in render_page(records, battles, build_leaderboard(records, battles))
