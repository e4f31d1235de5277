"""Test estimates before a run: exact calls, and tokens and dollars by documented rules."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import model_spec, question
from planned_runs import JUDGE, PRICED, build_model

from evalharness.domain import (
    Answer,
    AnswerTurn,
    JudgingSpec,
    RunRecords,
    RunSpec,
    RunStage,
    Sampling,
)
from evalharness.planner import (
    ANSWER_TOKENS,
    JUDGMENT_TOKENS,
    THOUGHT_TOKENS,
    describe_plan,
    estimate_costs,
)

SPEC = RunSpec(
    name="run",
    models=(build_model("a", prices=PRICED), build_model("b")),
    judges=(JUDGE,),
    questions=tuple(question(f"q{number}") for number in range(4)),
    judging=JudgingSpec(),
)


def test_prompts_of_later_turns_include_earlier_turns():
    """The prompt of turn 2 includes turn 1 and a typical reply."""
    asked = replace(SPEC, questions=(question("q", turns=("x" * 400, "y" * 400)),))

    (priced, free, _) = estimate_costs(asked, None)

    assert priced.calls == 2
    assert priced.prompt_tokens == 100 + (100 + ANSWER_TOKENS + 100)
    assert priced.completion_tokens == 2 * ANSWER_TOKENS
    assert priced.usd == pytest.approx((600 * 10 + 600 * 30) / 1e6)
    assert priced.usd_at_most == pytest.approx((600 * 10 + 2000 * 30) / 1e6)
    assert free.usd is None


def test_a_judge_reads_its_prompt_and_both_answers():
    """A pair needs two calls, each with one answer more than a grade."""
    graded = estimate_costs(replace(SPEC, judging=JudgingSpec(pairwise=False)), None)[-1]
    paired = estimate_costs(replace(SPEC, judging=JudgingSpec(graded=False)), None)[-1]

    assert (graded.calls, paired.calls) == (4 * 2 * 2, 4 * 2 * 2)
    assert graded.completion_tokens == graded.calls * JUDGMENT_TOKENS
    turns_read = 4 * 2 * (1 + 2)
    more = paired.prompt_tokens - graded.prompt_tokens
    assert more == pytest.approx(turns_read * ANSWER_TOKENS, rel=0.1)


def test_replies_are_never_taken_for_longer_than_allowed():
    """A judge with a limit of one token writes one token."""
    brief = replace(JUDGE, model=replace(JUDGE.model, sampling=Sampling(max_tokens=16)))

    found = estimate_costs(replace(SPEC, judges=(brief,)), None)[-1]

    assert found.completion_tokens == 16 * found.calls


def test_existing_replies_are_not_counted_and_give_the_expected_length():
    """The estimate of an unfinished run uses the lengths of its own replies."""
    turn = AnswerTurn(text="x" * 40, prompt_tokens=20, completion_tokens=10, seconds=2.0)
    answer = Answer(question_id="q0", model="a", turns=(turn,), digest="d")

    found = estimate_costs(SPEC, RunRecords(name="run", answers=(answer,)))

    assert (found[0].calls, found[0].done, found[1].calls) == (7, 1, 8)
    assert found[0].completion_tokens == 7 * 10
    assert found[0].seconds == pytest.approx(2.0)


def test_the_time_is_that_of_the_longest_stage():
    """Stages overlap; the number of calls in flight determines the time."""
    slow = replace(JUDGE, model=replace(JUDGE.model, concurrency=1))
    found = estimate_costs(replace(SPEC, judges=(slow,)), None)
    judged = next(each for each in found if each.stage is RunStage.JUDGE)

    assert judged.seconds == pytest.approx(judged.calls * (0.5 + JUDGMENT_TOKENS / 60))
    assert describe_plan(replace(SPEC, judges=(slow,)))[-1].endswith("about 2.5 min")


def _thinking_run(model_tokens: int = 4000) -> RunSpec:
    thinking = build_model("a", prices=PRICED, thinks=True)
    thinking = replace(thinking, sampling=Sampling(max_tokens=model_tokens))
    return replace(SPEC, models=(thinking,), questions=(question("q0"), question("q1")))


def test_a_part_whose_time_is_unknown_makes_the_total_unknown():
    """Nobody knows how long weights on this machine take: the total is at least the rest."""
    local = replace(JUDGE, model=model_spec("local_transformers", name="judge", weights="embedded"))
    timed = replace(SPEC, judges=(local,))
    lines = describe_plan(timed)
    (judged,), total = [line for line in lines if line.startswith("judgments")], lines[-1]

    assert judged.endswith(" written, time unknown")
    assert re.search(r", time at least [\d.]+ (s|min|h) plus the unknown$", total)
    only_local = replace(timed, models=(local.model,))
    assert describe_plan(only_local)[-1].endswith(" written, time unknown")
    batch = replace(JUDGE, model=replace(JUDGE.model, batch=True))
    assert any(
        line.startswith("total") and line.endswith(" plus the unknown")
        for line in describe_plan(replace(SPEC, judges=(batch,)))
    )


def test_nothing_left_to_do_takes_no_unknown_time():
    """A finished part of a local model is no unknown in the total."""
    local = model_spec("local_transformers", name="a", weights="embedded")
    spec = replace(SPEC, models=(local,), questions=(), judges=())

    assert "unknown" not in " ".join(describe_plan(spec))


def test_thoughts_are_counted_by_an_assumption_that_is_said():
    """A thought costs as much as the reply, and is often longer."""
    spec = _thinking_run()

    (found, _) = estimate_costs(spec, None)
    (said,) = [line for line in describe_plan(spec) if line.startswith("thoughts")]

    assert found.completion_tokens == found.calls * (ANSWER_TOKENS + THOUGHT_TOKENS)
    assert found.thought_tokens == found.calls * THOUGHT_TOKENS
    assert "1,000 tokens before each reply are assumed for a;" in said


def test_no_thought_is_read_by_the_next_turn_or_by_the_judge():
    """History and judges see the answer only."""
    silent = replace(SPEC, models=(build_model("a"),), questions=(question("q0"), question("q1")))

    thinking, plain = estimate_costs(_thinking_run(), None), estimate_costs(silent, None)

    assert [each.prompt_tokens for each in thinking] == [each.prompt_tokens for each in plain]


def test_thoughts_that_were_measured_replace_the_assumption():
    """The run's own share is better than a guess."""
    spec = _thinking_run()
    turn = AnswerTurn(
        text="x" * 40, prompt_tokens=20, completion_tokens=400, reasoning_tokens=300, seconds=1.0
    )
    answer = Answer(question_id="q0", model="a", turns=(turn,), digest="d")
    records = RunRecords(name="run", answers=(answer,))

    (found, _) = estimate_costs(spec, records)
    (said,) = [line for line in describe_plan(spec, records) if line.startswith("thoughts")]

    assert found.completion_tokens == found.calls * 400
    assert found.thought_tokens == found.calls * 300
    assert said == "thoughts  a: 75% of the tokens written, as so far in this run"


def test_a_thought_takes_the_room_of_its_reply():
    """No call writes more than its limit."""
    (found, _) = estimate_costs(_thinking_run(model_tokens=600), None)

    assert found.completion_tokens == found.calls * 600
