"""A run that stopped says how much of its work is there, and calls nothing failed that was not asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_run, failure, question
from caution_lists import sentences

from evalharness.analysis import build_leaderboard, measure_run_progress
from evalharness.domain import RunConfig, RunStage
from evalharness.judge import collect_battles, order_questions

STAGES = {"stages": ["answer", "judge"]}
ENDED = STAGES | {"finished": "2026-11-30T20:00:00+00:00"}


def configured(run, *, judging=None, manifest=None):
    """Return a run whose configuration says what was to be judged."""
    tree = {**run.config.tree, "judging": judging or {"graded": True, "pairwise": True}}
    return replace(
        run, config=RunConfig.from_tree(tree), manifest=ENDED if manifest is None else manifest
    )


def stopped_after(run, questions):
    """Return a run with the answers and judgments of these questions only."""
    ids = {each.question_id for each in questions}
    return replace(
        run,
        **{
            name: tuple(row for row in getattr(run, name) if row.question_id in ids)
            for name in ("answers", "graded", "games")
        },
    )


def test_a_whole_run_has_not_stopped():
    """Everything that the configuration asks for is there."""
    run = configured(a_run(models=3, questions=16))

    progress = measure_run_progress(run)

    assert (progress.stopped, progress.caution, progress.not_asked) == ("", "", 0)
    assert (str(progress.battles), str(progress.grades)) == ("96 of 96", "96 of 96")


def test_a_run_on_fewer_questions_on_purpose_is_whole():
    """`questions.limit` limits what the run is to do."""
    run = a_run(models=2, questions=8)
    limited = replace(stopped_after(run, run.questions[:3]), questions=run.questions[:3])

    assert measure_run_progress(configured(limited)).stopped == ""


def test_an_interrupted_run_says_what_is_there_of_its_battles_and_categories():
    """Two of eight categories of MT-bench: 80 questions asked of two models, 14 of them judged."""
    run = a_run(models=2, questions=80)
    by_category = sorted(run.questions, key=lambda each: each.category)
    records = configured(stopped_after(run, by_category[:14]))

    board = build_leaderboard(records, collect_battles(records))

    assert board.progress.stopped == (
        "28 of 160 battles, 2 of 8 categories, 56 of 320 grades, 28 of 160 answers"
    )
    assert str(board.progress.questions) == "14 of 80"
    assert [(row.failed, row.not_asked) for row in board.rows] == [(0, 66 * (1 + 2 + 4))] * 2
    assert board.progress.not_asked == 66 * (2 + 4 + 4)
    assert board.cautions[0].source == "run"
    assert board.cautions[0].sentence.startswith("STOPPED before the end of the run: 28 of 160")


@pytest.mark.parametrize("questions", [8, 24])
def test_a_run_in_the_order_of_its_work_has_all_categories_when_it_stops(questions):
    """The first tenth of the order has one question of each of eight categories."""
    run = a_run(models=2, questions=80)
    records = configured(stopped_after(run, order_questions(run.questions, 0)[:questions]))

    assert str(measure_run_progress(records).categories) == "8 of 8"


def test_a_killed_run_has_stopped_even_before_its_first_judgment():
    """The manifest has the stages from the beginning, and no end."""
    run = a_run(models=2, questions=8)
    records = configured(replace(run, graded=(), games=()), manifest=STAGES | {"finished": ""})

    assert (
        measure_run_progress(records).stopped
        == "0 of 16 battles, 0 of 8 categories, 0 of 32 grades"
    )


def test_a_killed_run_whose_work_is_complete_has_not_ended():
    """Nothing says that the page and the manifest are those of the whole run."""
    run = configured(a_run(models=2, questions=8), manifest=STAGES | {"finished": ""})

    assert measure_run_progress(run).stopped.startswith("16 of 16 battles")


def test_answers_alone_are_a_whole_run_of_the_verb_answer():
    """Nobody asked for judgments yet."""
    run = replace(a_run(models=2, questions=8), graded=(), games=())
    answered = ENDED | {"stages": ["answer"]}

    assert measure_run_progress(configured(run, manifest=answered)).stopped == ""


def test_failures_and_what_depends_on_them_are_not_what_was_not_asked():
    """A run to its end with failures is no interrupted run."""
    run = configured(a_run(models=2, questions=8))
    lost = run.answers[0]
    kept = [
        row
        for row in run.judgments
        if lost.question_id != row.question_id or lost.model not in row.models
    ]
    refused = kept.pop()
    records = replace(
        run,
        answers=run.answers[1:],
        graded=tuple(row for row in kept if row.kind == "graded"),
        games=tuple(row for row in kept if row.kind == "pairwise"),
        failures=(
            failure(lost.model, lost.question_id, turn=1),
            failure(refused.judge, refused.question_id, stage=RunStage.JUDGE, turn=refused.turn),
        ),
    )

    assert measure_run_progress(records).stopped == ""
    board = build_leaderboard(records, collect_battles(records))
    assert sum(row.failed for row in board.rows) == 1
    assert not [each for each in sentences(board) if "STOPPED" in each]


def test_a_judge_that_leaves_out_its_family_leaves_nothing_undone():
    """`judging.exclude_own_family` is part of what the run is to do."""
    run = a_run(models=3, questions=4)
    tree = {
        **run.config.tree,
        "models": {
            name: {"family": "kin"} if number == 0 else {}
            for number, name in enumerate(run.config.models)
        },
        "judge": {"name": "gpt-4", "model": {"family": "kin"}},
        "judging": {"exclude_own_family": True},
    }
    first = next(iter(run.config.models))
    records = replace(
        run,
        graded=tuple(row for row in run.graded if row.model != first),
        games=tuple(row for row in run.games if first not in row.models),
        config=RunConfig.from_tree(tree),
        manifest=ENDED,
    )

    assert measure_run_progress(records).stopped == ""


@pytest.mark.parametrize(
    ("manifest", "is_stopped"),
    [
        (ENDED, False),
        (ENDED | {"stopped": "interrupted"}, True),
        (STAGES | {"finished": ""}, True),
    ],
)
def test_an_adaptive_run_ends_when_it_says_so(manifest, is_stopped):
    """It needs no more pairs than decide, so that missing ones prove nothing."""
    run = a_run(models=3, questions=8)
    some = replace(run, games=run.games[:24])
    judging = {"pairs": "adaptive", "budget_pairs": 2}

    stopped = measure_run_progress(configured(some, judging=judging, manifest=manifest)).stopped

    assert bool(stopped) is is_stopped
    assert not stopped or stopped.startswith("12 of at most 48 battles")


def test_what_others_made_has_no_plan():
    """Imported judgments and merged runs are what they are."""
    run = stopped_after(a_run(models=2, questions=8), [question("81")])

    for manifest in ({"imported": [{"cautions": []}]}, {"joined": {"runs": []}}):
        assert measure_run_progress(configured(run, manifest=manifest)).stopped == ""


def test_merged_runs_name_the_run_that_stopped():
    """The plan of a run is compared before it is merged."""
    runs = [{"name": "whole", "stopped": ""}, {"name": "mine", "stopped": "3 of 8 battles"}]

    assert measure_run_progress(replace(a_run(), manifest={"joined": {"runs": runs}})).stopped == (
        "mine: 3 of 8 battles"
    )
