"""Test a run with three judges: their calls and the leaderboard."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from builders import question
from judge_prompts import PROMPTS

from evalharness.analysis import build_leaderboard
from evalharness.backends import ScriptedBackend
from evalharness.backends.scripted import make_reply
from evalharness.domain import (
    JudgeSpec,
    JudgingSpec,
    ModelSpec,
    PairDesign,
    RunSpec,
    RunStage,
    Sampling,
)
from evalharness.judge import collect_battles, list_pair_tasks
from evalharness.planner import describe_plan
from evalharness.runner import run_pipeline
from evalharness.store import RunFolder, read_run


def model(name, family=None):
    """Return a candidate with random sampling."""
    sampling = Sampling(temperature=0.7)
    return ModelSpec(name=name, backend="scripted", family=family, sampling=sampling)


def judge(name, family=None):
    """Return a judge that grades and compares."""
    return JudgeSpec(name=name, model=model(name, family), prompts=PROMPTS)


SPEC = RunSpec(
    name="run",
    models=(model("a", "x"), model("b", "y"), model("c")),
    judges=(judge("judge x", "x"), judge("judge y", "y"), judge("judge z", "z")),
    questions=tuple(question(f"q{number}", turns=("Why?",)) for number in range(4)),
    judging=JudgingSpec(),
)


class ProgressTotals:
    """Stores the number of calls that a run announces."""

    def __init__(self) -> None:
        self.totals: dict[RunStage, int] = {}
        self.done = Counter()

    def expect(self, stage, total, **_flags):
        """Keep the total."""
        self.totals[stage] = total

    def advance(self, stage, *, failed):
        """Count the calls that succeeded."""
        self.done[stage] += not failed


def run(path, spec):
    """Run with scripted models; return the records, the calls by model, and the progress."""
    calls, progress = Counter(), ProgressTotals()

    def connect(own):
        def reply(request):
            calls[own.name] += 1
            return make_reply(own.name, request.messages, request.sample)

        return ScriptedBackend(reply)

    with RunFolder.open(path) as folder:
        folder.write_config({}, spec.questions)
        asyncio.run(run_pipeline(spec, folder, connect=connect, progress=progress))
    return read_run(path), calls, progress


def test_three_judges_judge_everything_and_make_one_table(tmp_path):
    """On 4 questions, each judge makes 12 grades and 24 games; a model has 8 battles."""
    records, calls, progress = run(tmp_path, SPEC)
    board = build_leaderboard(records, collect_battles(records))

    assert {name: calls[name] for name in ("judge x", "judge y", "judge z")} == dict.fromkeys(
        ("judge x", "judge y", "judge z"), 36
    )
    assert progress.totals[RunStage.JUDGE] == progress.done[RunStage.JUDGE] == 108
    assert {row.battles for row in board.rows} == {8}
    assert [row.judge for row in board.panel.judges] == ["judge x", "judge y", "judge z"]


def test_a_judge_is_not_asked_about_its_own_family(tmp_path):
    """It grades two models and compares one pair; a judge of no family judges everything."""
    spec = replace(SPEC, judging=JudgingSpec(exclude_own_family=True))
    records, calls, progress = run(tmp_path, spec)

    assert (calls["judge x"], calls["judge y"], calls["judge z"]) == (16, 16, 36)
    assert progress.totals[RunStage.JUDGE] == progress.done[RunStage.JUDGE] == 68
    shown = {(game.judge, name) for game in records.games for name in (game.model_a, game.model_b)}
    shown |= {(grade.judge, grade.model) for grade in records.graded}
    assert {("judge x", "a"), ("judge y", "b")} & shown == set()
    assert ("judge z", "a") in shown
    assert any(line.startswith("judgments judge x: 16 calls,") for line in describe_plan(spec))


def test_every_sample_is_answered_and_judged(tmp_path):
    """Three samples per question give three answers, three grades and three battles."""
    spec = replace(SPEC, judges=SPEC.judges[2:], judging=JudgingSpec(samples=3))
    records, calls, _ = run(tmp_path, spec)

    assert len(records.answers) == 3 * 3 * 4
    assert len({(answer.model, answer.turns[0].text) for answer in records.answers}) == 3 * 3
    assert Counter(grade.sample for grade in records.graded) == {0: 12, 1: 12, 2: 12}
    assert Counter(battle.sample for battle in collect_battles(records)) == {0: 12, 1: 12, 2: 12}
    assert calls["judge z"] == 3 * 36


@pytest.mark.parametrize(
    "judging",
    [
        JudgingSpec(graded=False, pairs=PairDesign.RANDOM, budget_pairs=1),
        JudgingSpec(graded=False, pairs=PairDesign.CHAIN, budget_pairs=2, samples=2),
        JudgingSpec(graded=False, pairs=PairDesign.BASELINE, baseline="b"),
    ],
)
def test_only_the_designed_pairs_are_judged_in_both_orders_and_resumed_for_free(tmp_path, judging):
    """All judges compare the same pairs; the same run again makes no call."""
    spec = replace(SPEC, judging=judging, seed=7)
    records, _, progress = run(tmp_path, spec)
    names = [each.name for each in spec.models]
    tasks = list_pair_tasks(names, spec.questions, judging, seed=7)

    assert progress.totals[RunStage.JUDGE] == 3 * 2 * len(tasks) == len(records.games)
    designed = {(task.question_id, task.sample, task.model_a, task.model_b) for task in tasks}
    for own in (each.name for each in spec.judges):
        battles = [battle for battle in collect_battles(records) if battle.judge == own]
        assert {(b.question_id, b.sample, b.model_a, b.model_b) for b in battles} == designed
    assert run(tmp_path, spec)[1] == Counter()
