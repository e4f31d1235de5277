"""Test that the advice follows from the judgments of the run."""

from __future__ import annotations

from builders import a_run, pairwise_judgment
from planned_runs import build_graded_run

from evalharness.domain import RunRecords, Verdict
from evalharness.planner import describe_variance_shares


def test_a_run_with_varying_answers_is_advised_to_add_samples():
    """If questions hardly vary, five times the samples halve the difference."""
    spread, following, _ = describe_variance_shares(build_graded_run((0.2, 1.5, 0.3)))

    assert "from questions" in spread
    assert int(spread.split("%")[1].rsplit(" ", 1)[-1]) > 75
    assert "twice the questions narrow by 29%, twice the samples by 2" in following
    assert "times the samples" in following


def test_a_run_with_varying_questions_is_advised_to_add_questions():
    """More samples cannot replace more questions."""
    _, following, _ = describe_variance_shares(build_graded_run((1.5, 0.3, 0.3)))

    assert following.endswith("4 times the questions, no number of samples")


def test_sources_with_one_observation_are_reported_as_unknown():
    """There is no advice about unknown sources of variance."""
    spread, following, _ = describe_variance_shares(
        build_graded_run((1, 1, 1), samples=1, judges=1)
    )

    assert spread.endswith("100% from questions, answers not repeated, judges not repeated")
    assert following.endswith(
        "twice the questions narrow by 29%; half the difference takes 4 times the questions"
    )


def test_constant_position_bias_adds_no_variance():
    """Both orders are judged, so position bias cancels out."""
    steady = [
        pairwise_judgment(*shown, f"q{q}", verdict=Verdict.A)
        for q in range(20)
        for shown in (("a", "b"), ("b", "a"))
    ]
    assert describe_variance_shares(RunRecords(name="r", games=tuple(steady))) == []

    wavering = [
        pairwise_judgment("b", "a", f"q{q}", verdict=Verdict.B if q % 2 else Verdict.A)
        for q in range(20)
    ]
    games = (*steady[::2], *wavering)
    spread, following, _ = describe_variance_shares(RunRecords(name="r", games=games))

    assert spread.startswith("spread    pairs: ")
    assert "samples" not in following


def test_a_missing_run_has_no_variance_lines():
    """A run without judgments has no advice either."""
    assert describe_variance_shares(None) == []
    assert describe_variance_shares(RunRecords(name="r")) == []
    assert describe_variance_shares(a_run(questions=20))
