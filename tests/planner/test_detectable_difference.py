"""Test the detectable differences of a plan, which follow from its design and assumed spreads."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from planned_runs import build_run_spec

from evalharness.domain import PairDesign
from evalharness.planner import describe_detectable_differences
from evalharness.stats import minimum_detectable_rating_gap


def gaps(planned):
    """Return the rating gaps that a plan can detect."""
    (line,) = [line for line in describe_detectable_differences(planned) if "rating points" in line]
    return [float(number) for number in re.findall(r"\d+", line.split("rating")[0])]


def points(planned):
    """Return the difference of scores that a plan can detect."""
    (line,) = [
        line for line in describe_detectable_differences(planned) if "points of score" in line
    ]
    return float(re.search(r"\d+\.\d+", line)[0])


def test_two_models_on_eighty_questions_need_a_gap_of_75_points():
    """160 battles, correlated within questions, are worth 120 independent ones."""
    expected = minimum_detectable_rating_gap(160 / 1.33, tie_share=0.25).difference

    assert gaps(build_run_spec()) == [round(expected)]
    assert 70 < expected < 80


def test_more_questions_turns_and_models_detect_smaller_differences():
    """Each reduces the difference; a second turn helps less than a second question."""
    base, turns, questions, models = (
        gaps(each)[0]
        for each in (
            build_run_spec(turns=1),
            build_run_spec(),
            build_run_spec(questions=160, turns=1),
            build_run_spec(models=8),
        )
    )
    assert questions < turns < base
    assert models < gaps(build_run_spec())[0]
    assert (
        points(build_run_spec(questions=160))
        < points(build_run_spec())
        < points(build_run_spec(turns=1))
    )


def test_a_baseline_design_detects_smaller_differences_from_the_baseline():
    """Other pairs are compared through the baseline only, with half the information."""
    low, high = gaps(build_run_spec(models=5, baseline="model-0"))
    single = gaps(build_run_spec(models=2))[0]

    assert low == single
    halved = minimum_detectable_rating_gap(160 / 1.33 / 2, tie_share=0.25).difference
    assert high == round(halved)


def test_scores_follow_the_stated_spread():
    """The difference is 2.8 standard errors, slightly more with Student's t."""
    assert points(build_run_spec()) == pytest.approx(2.816 * 2 / np.sqrt(80), abs=0.01)


@pytest.mark.parametrize(
    ("planned", "said"),
    [
        (build_run_spec(models=1), []),
        (build_run_spec(questions=1, pairwise=False), ["one question shows no spread"]),
        (build_run_spec(questions=1, graded=False), ["battles are too few"]),
        (build_run_spec(models=3, graded=False), ["rating points"]),
        (build_run_spec(pairwise=False), ["points of score"]),
    ],
)
def test_only_judged_figures_have_a_detectable_difference(planned, said):
    """There is no figure for judgments that the run does not make."""
    lines = describe_detectable_differences(planned)
    assert [part for part in said if not any(part in line for line in lines)] == []
    assert len(lines) == (len(said) + 1 if said else 0)


def test_disconnected_battles_have_no_detectable_difference():
    """A chain over fewer questions than links does not connect all models."""
    planned = build_run_spec(models=4, questions=1, turns=1, graded=False)
    planned = replace(
        planned, judging=replace(planned.judging, pairs=PairDesign.RANDOM, budget_pairs=1)
    )
    assert "do not connect" in describe_detectable_differences(planned)[0]
