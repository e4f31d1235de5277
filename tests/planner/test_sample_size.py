"""Test sample sizes for a requested difference, with and without judgments."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import graded_judgment, pairwise_judgment, question
from planned_runs import JUDGE, build_graded_run, build_run_spec

from evalharness.cli import main
from evalharness.domain import PlanTargets, RunRecords, Verdict
from evalharness.planner import describe_sample_sizes, score_variance_components
from evalharness.stats import minimum_detectable_difference


def _target_lines(planned, records=None, **wanted):
    lines = describe_sample_sizes(planned, records, PlanTargets(**wanted))
    return [line for line in lines if line.startswith(("wanted", "          or"))]


def _number(line, unit="questions"):
    found = re.search(rf"([\d,]+) (?:of the \d+ )?{unit}", line)
    return int(found[1].replace(",", ""))


def test_without_judgments_the_battles_are_those_of_the_stated_spread():
    """20 rating points need 1,773 battles with a quarter of ties, as computed independently."""
    (line,) = _target_lines(build_run_spec(turns=1, graded=False), rating=20)
    assert _number(line) == pytest.approx(1773, abs=1)

    (baseline,) = _target_lines(
        build_run_spec(models=3, turns=1, graded=False, baseline="model-0"), rating=20
    )
    assert _number(baseline) == pytest.approx(2 * 1773, abs=2)


def test_the_stated_number_of_questions_detects_the_target():
    """A run with the stated number of questions detects the requested difference."""
    (line,) = _target_lines(build_run_spec(pairwise=False), score=0.3)
    assert "1,084 calls" in line

    enough = describe_sample_sizes(
        build_run_spec(questions=_number(line), pairwise=False), None, PlanTargets(score=0.3)
    )
    assert "0.30 points of score" in enough[0]
    assert f"found with {_number(line)} of the {_number(line)} questions" in enough[-1]


def test_the_stated_numbers_of_samples_and_judges_are_the_smallest_that_suffice():
    """If answers or judges vary, more of them replace more questions, at the stated cost."""
    planned = replace(build_run_spec(questions=100, turns=1, pairwise=False), judges=(JUDGE,))
    for spread, what in (((0.1, 3.0, 0.1), "samples"), ((0.1, 0.1, 3.0), "judges")):
        records = build_graded_run(spread)
        line = next(each for each in _target_lines(planned, records, score=0.4) if what in each)
        times = _number(line, f"times the {what}")
        split = score_variance_components(records)
        name = {"samples": "samples", "judges": "judgments"}[what]
        found = [
            minimum_detectable_difference(
                (split.variance(**{name: more}) / 100) ** 0.5, 100
            ).difference
            for more in (times, times - 1)
        ]
        assert found[0] <= 0.4 < found[1]
        assert f"{(times - 1) * (400 if what == 'samples' else 200):,} calls" in line


def test_variance_between_questions_is_not_reduced_by_samples_or_judges():
    """The plan says that more samples or judges would not help."""
    said = _target_lines(
        build_run_spec(questions=100, turns=1), build_graded_run((3.0, 0.2, 0.2)), score=0.4
    )

    assert [line for line in said if "no number of" in line] == [
        "          or, with these questions, no number of samples",
        "          or, with these questions, no number of judges",
    ]


def test_other_models_add_information_about_a_pair():
    """Four models in all pairs need half the questions: each pair has K n / 2 battles."""
    games = [
        pairwise_judgment("a", "b", f"q{number}", verdict=verdict)
        for number, verdict in enumerate([Verdict.A, Verdict.B, Verdict.TIE] * 40)
    ]
    records = RunRecords(name="r", games=tuple(games))
    two, four = (
        _number(_target_lines(build_run_spec(models=models, turns=1), records, rating=20)[0])
        for models in (2, 4)
    )

    assert two == pytest.approx(2 * four, rel=0.01)


@pytest.mark.parametrize(
    ("planned", "wanted", "words"),
    [
        (
            build_run_spec(models=1),
            {"rating": 20, "score": 1},
            ["nothing is compared", "nothing is graded"],
        ),
        (build_run_spec(graded=False), {"score": 1}, ["nothing is graded"]),
        (build_run_spec(), {"rating": 800}, ["no gap of 800"]),
        (build_run_spec(), {"rating": 300}, ["found with 3 of the 80 questions"]),
    ],
)
def test_an_undetectable_target_is_reported(planned, wanted, words):
    """The reason is one line, and other differences are still described."""
    said = _target_lines(planned, **wanted)
    assert len(said) == len(words)
    assert all(word in line for word, line in zip(words, said, strict=True))


def test_scores_of_one_question_have_no_spread():
    """One question gives no spread, so the assumed spread is used."""
    rows = [graded_judgment(model, "q", score=5.0) for model in ("a", "b")]
    records = RunRecords(name="r", questions=(question("q"),), graded=tuple(rows))

    assert _target_lines(build_run_spec(), records, score=0.3) == _target_lines(
        build_run_spec(), score=0.3
    )


def test_a_target_below_zero_is_refused(capsys):
    """The message names the setting."""
    assert main(["plan", "models=[gpt-4,gpt-4o]", "plan.rating=-5"]) == 2

    assert "plan.rating=-5: must be above 0" in capsys.readouterr().err
