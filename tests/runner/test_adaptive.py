"""Test adaptive judging: fewer calls for the same decisions, and resuming."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from builders import question
from judge_prompts import PROMPTS

from evalharness.backends import ScriptedBackend
from evalharness.config import load_settings
from evalharness.domain import (
    JudgeSpec,
    JudgingSpec,
    ModelSpec,
    PairDesign,
    RunSpec,
    RunStage,
    compute_digest,
)
from evalharness.errors import ConfigError, PermanentError, RunStoppedError
from evalharness.judge import (
    count_calls_beyond_budget,
    describe_adaptive_outcome,
    settle_battles,
    uses_adaptive_pairs,
)
from evalharness.planner import describe_plan
from evalharness.runner import NoProgress, run_pipeline
from evalharness.store import RunFolder, read_run

LEVELS = {"a": 5, "b": 4, "c": 3, "d": 2, "e": 2}
JUDGE = JudgeSpec(name="judge", model=ModelSpec(name="judge", backend="scripted"), prompts=PROMPTS)
SPEC = RunSpec(
    name="run",
    models=tuple(ModelSpec(name=name, backend="scripted") for name in LEVELS),
    judges=(JUDGE,),
    questions=tuple(question(f"q{number:02}", turns=(f"Say {number}.",)) for number in range(40)),
    judging=JudgingSpec(graded=False, pairs=PairDesign.ADAPTIVE),
    seed=3,
)


class KilledError(Exception):
    """Raised to kill a run."""


def _reply(spec, request):
    """Return an answer that states the level of its model, or a noisy verdict for the better one."""
    if spec.name != "judge":
        return f"level {LEVELS[spec.name]} from {spec.name}"
    text = request.messages[-1].content
    shown = sorted(
        LEVELS, key=lambda name: text.index(f"from {name}") if f"from {name}" in text else 1e9
    )
    first, second = shown[:2]
    luck = int(compute_digest([request.question_id, *sorted((first, second))]), 16) % 1000 / 1000
    ahead, behind = sorted((first, second), key=lambda name: (-LEVELS[name], name))
    chance = 1 - 0.5 * 0.25 ** (LEVELS[ahead] - LEVELS[behind])
    winner = ahead if luck < chance else behind
    return "[[A]]" if winner == first else "[[B]]"


def _run(path, spec=SPEC, *, kill_after=None, fail=lambda _name, _request: None, progress=None):
    asked = Counter()

    def connect(model):
        def reply(request):
            asked[model.name] += 1
            if model.name == "judge" and asked["judge"] == kill_after:
                raise KilledError
            return fail(model.name, request) or _reply(model, request)

        return ScriptedBackend(reply)

    with RunFolder.open(path) as folder:
        folder.write_config({}, spec.questions)
        try:
            asyncio.run(run_pipeline(spec, folder, connect=connect, progress=progress))
        except ExceptionGroup:
            if kill_after is None:
                raise
    return asked


def _battles(path):
    return settle_battles(read_run(path).games)


def test_it_stops_when_the_order_is_decided_and_reports_the_saved_calls(tmp_path):
    """Clear differences need few of 800 calls; every game has its swap."""
    asked = _run(tmp_path)
    records = read_run(tmp_path)

    assert asked["judge"] == len(records.games) == 2 * len(_battles(tmp_path))
    assert asked["judge"] < 0.7 * 800
    assert describe_adaptive_outcome(SPEC, records) == (
        f"adaptive judging: {asked['judge']} of 800 calls for pairs made; the order of 9 of 10 pairs "
        f"is decided at an always-valid level of 5%; {1 - asked['judge'] / 800:.0%} of the calls saved"
    )


class _ProgressCounter(NoProgress):
    """Counts the judgments that are expected and those that are done."""

    def __init__(self):
        self.expected, self.came = 0, 0

    def expect(self, stage, total, *, at_most=False):
        if stage is RunStage.JUDGE:
            assert at_most
            self.expected += total

    def advance(self, stage, *, failed):
        self.came += stage is RunStage.JUDGE and not failed

    def skip(self, stage, number):
        assert stage is RunStage.JUDGE
        self.expected -= number


@pytest.mark.parametrize(("budget", "most"), [(None, 800), (2, 160)])
def test_progress_starts_at_the_upper_bound_and_ends_at_the_calls_made(tmp_path, budget, most):
    """The total is all pairs, or the budget; calls that are not needed are subtracted."""
    spec = replace(SPEC, judging=replace(SPEC.judging, budget_pairs=budget))
    told = _ProgressCounter()
    first = count_calls_beyond_budget(spec, spec.judges[0])
    asked = _run(tmp_path, spec=spec, progress=told)

    assert 800 - first == most
    assert told.came == told.expected == asked["judge"] <= most


def test_pairs_that_are_close_get_more_questions_than_those_far_apart(tmp_path):
    """Equal models are compared on all questions, the best and the worst on few."""
    _run(tmp_path)
    met = Counter((battle.model_a, battle.model_b) for battle in _battles(tmp_path))

    assert met["d", "e"] == 40
    assert met["a", "e"] < 15


def test_a_killed_run_makes_the_same_calls_as_an_uninterrupted_one(tmp_path):
    """The choice depends on the seed and the stored judgments, so no judgment is wasted."""
    whole = _run(tmp_path / "whole")
    for kill_after in (5, 90, 91, 200):
        path = tmp_path / str(kill_after)
        first = _run(path, kill_after=kill_after)
        second = _run(path)

        kept = len(read_run(path).games)
        assert first["judge"] - 1 + second["judge"] >= kept == whole["judge"]
        assert set(_battles(path)) == set(_battles(tmp_path / "whole"))


def test_a_stopped_run_keeps_calls_in_flight_and_can_be_resumed(tmp_path):
    """A budget or Ctrl-C ends the rounds; no reply is lost, and no call repeated."""
    whole = _run(tmp_path / "whole")
    asked = Counter()

    def stop(name, _request):
        asked[name] += 1
        return RunStoppedError("over") if name == "judge" and asked[name] > 70 else None

    first = _run(tmp_path / "run", fail=stop)
    outcome = describe_adaptive_outcome(SPEC, read_run(tmp_path / "run"))
    second = _run(tmp_path / "run")

    assert len(read_run(tmp_path / "run").games) == whole["judge"]
    assert 70 + second["judge"] == whole["judge"]
    assert first["judge"] <= 192  # three rounds: no more were begun
    assert "70 of 800 calls" in outcome
    assert "wait for more" in outcome


def test_cancelled_answers_end_the_rounds(tmp_path):
    """If the run stops before the answers exist, the judge does not wait for them."""
    asked = Counter()

    def stop(name, _request):
        asked[name] += 1
        return RunStoppedError("over") if sum(asked.values()) > 60 else None

    _run(tmp_path, fail=stop)
    second = _run(tmp_path)

    assert second["judge"] > 0
    assert len(read_run(tmp_path).answers) == 200


def test_a_finished_run_is_free(tmp_path):
    """The same command makes no call."""
    _run(tmp_path)

    assert not _run(tmp_path)


def test_another_seed_chooses_other_questions(tmp_path):
    """The order of the questions of a pair is random."""
    small = replace(SPEC, judging=replace(SPEC.judging, budget_pairs=1))
    _run(tmp_path / "one", small)
    _run(tmp_path / "other", replace(small, seed=4))

    assert set(_battles(tmp_path / "one")) != set(_battles(tmp_path / "other"))


def test_a_budget_of_pairs_is_kept(tmp_path):
    """One pair per question is 40 pairs in both orders."""
    asked = _run(tmp_path, replace(SPEC, judging=replace(SPEC.judging, budget_pairs=1)))

    assert asked["judge"] == 80


def test_a_model_without_answers_does_not_affect_other_pairs(tmp_path):
    """Its pairs cannot be judged; all other pairs are."""

    def fail(name, _request):
        return PermanentError("gone", reason="http_404") if name == "c" else None

    asked = _run(tmp_path, fail=fail)
    met = {model for battle in _battles(tmp_path) for model in (battle.model_a, battle.model_b)}

    assert met == {"a", "b", "d", "e"}
    assert 0 < asked["judge"] < 480


def test_an_excluded_family_is_never_compared(tmp_path):
    """Pairs that the judge may not see are never chosen."""
    kin = tuple(
        replace(model, family="kin") if model.name == "b" else model for model in SPEC.models
    )
    judge = replace(JUDGE, model=replace(JUDGE.model, family="kin"))
    judging = replace(SPEC.judging, exclude_own_family=True)
    _run(tmp_path, replace(SPEC, models=kin, judges=(judge,), judging=judging))

    battles = _battles(tmp_path)
    assert battles
    assert not any("b" in (battle.model_a, battle.model_b) for battle in battles)


def test_calls_remain_in_flight_while_a_round_ends(tmp_path):
    """The next round starts before the last reply of this one arrives."""
    most, flying, held = [0], [0], asyncio.Event()

    class Slow:
        """Delays one call of the first round until many others were made."""

        def __init__(self, spec):
            self._spec, self._asked = spec, 0

        async def complete(self, request):
            self._asked += 1
            flying[0] += 1
            most[0] = max(most[0], flying[0])
            if self._asked == 1 and self._spec.name == "judge":
                await held.wait()
            if self._asked == 120 and self._spec.name == "judge":
                held.set()
            flying[0] -= 1
            return await ScriptedBackend(lambda r: _reply(self._spec, r)).complete(request)

        async def close(self):
            """Do nothing."""

    with RunFolder.open(tmp_path) as folder:
        folder.write_config({}, SPEC.questions)
        asyncio.run(run_pipeline(SPEC, folder, connect=Slow))

    assert held.is_set()  # with one round in flight, the 120th call would never be made


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["judge=[gpt-4,gpt-4o]"], "takes one judge, not gpt-4, gpt-4o"),
        (["judge.model.batch=true"], "judge.model.batch=false"),
        (["judging.baseline=alpaca-7b"], "asks for pairs with it only"),
    ],
)
def test_settings_that_leave_no_choice_are_refused(overrides, words):
    """The refusal precedes all calls."""
    with pytest.raises(ConfigError, match=words):
        load_settings(["+models=[vicuna-13b,alpaca-7b]", "judging=adaptive", *overrides])


def test_the_setting_is_named_adaptive():
    """The command line accepts this value."""
    settings = load_settings(["+models=[vicuna-13b,alpaca-7b]", "judging=adaptive"])

    assert uses_adaptive_pairs(settings.run)
    assert not settings.run.judging.graded
    assert any("chosen adaptively" in caution for caution in settings.run.cautions)


@pytest.mark.parametrize("judging", ["judging=both", "judging=graded", "judging.pairs=all"])
def test_a_fixed_design_prints_no_caution_of_an_adaptive_one(judging):
    """The cautions about adaptive choices do not apply to it."""
    settings = load_settings(["+models=[vicuna-13b,alpaca-7b]", judging])

    assert not any("adaptive" in caution for caution in settings.run.cautions)


def test_the_plan_says_that_all_pairs_are_the_most():
    """Calls and dollars are those of the full round-robin, and the plan says so."""
    lines = describe_plan(SPEC)

    assert any(line.startswith("judgments judge: 800 calls") for line in lines)
    assert (
        "adaptive  judgments are those of all pairs, the most; clear orders end it sooner" in lines
    )


def test_grades_are_requested_in_addition_to_chosen_pairs(tmp_path):
    """With `judging.graded=true`, every answer is graded as well."""
    both = replace(SPEC, judging=replace(SPEC.judging, graded=True, budget_pairs=1))
    _run(tmp_path, both)
    records = read_run(tmp_path)

    assert (len(records.graded), len(records.games)) == (200, 80)
