"""A run and `verify` read a judge's decision with the same reader."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import answer, question

from evalharness.domain import (
    Completion,
    JudgePrompt,
    JudgeSpec,
    JudgmentKind,
    ModelSpec,
    Reading,
    RunConfig,
    RunRecords,
)
from evalharness.judge import JudgmentRequest, build_judgment, check_decisions

PROMPTS = {
    JudgmentKind.GRADED: JudgePrompt(
        name="graded", kind=JudgmentKind.GRADED, system="", template="{{ turns[0].answer }}"
    ),
    JudgmentKind.PAIRWISE: JudgePrompt(
        name="pairwise",
        kind=JudgmentKind.PAIRWISE,
        system="",
        template="{{ turns[0].answer_a }} {{ turns[0].answer_b }}",
    ),
}
# Each reply holds a second decision that another reader would find.
REPLIES = {
    (Reading.TEXT, 1): Completion(text='{"reasons": "", "score": 3} Rating: [[8]]'),
    (Reading.TEXT, 2): Completion(text='{"reasons": "", "verdict": "B"} [[A]]'),
    (Reading.JSON, 1): Completion(text='{"reasons": "Not [[3]].", "score": 8}'),
    (Reading.JSON, 2): Completion(text='{"reasons": "Not [[B]].", "verdict": "A"}'),
    (Reading.PROBABILITIES, 1): Completion(
        text="[[3]]", option_probabilities=(0, 0, 0, 0, 0, 0, 0, 1.0, 0, 0)
    ),
    (Reading.PROBABILITIES, 2): Completion(text="[[B]]", option_probabilities=(0.9, 0.1, 0)),
}


def _request(reading: Reading, answers: int) -> JudgmentRequest:
    return JudgmentRequest(
        judge=JudgeSpec(
            name="judge",
            model=ModelSpec(name="judge", backend="scripted"),
            prompts=PROMPTS,
            reading=reading,
            repairs=1,
        ),
        question=question(),
        turn=1,
        answers=tuple(answer(model) for model in ("vicuna-13b", "alpaca-7b")[:answers]),
    )


def _check(judgment, reading: Reading):
    prompts = {kind.value: {"name": prompt.name} for kind, prompt in PROMPTS.items()}
    settings = {"name": "judge", "reading": reading.value, "repairs": 1, "prompts": prompts}
    config = {"judge": settings}
    rows = {"graded": (judgment,)} if judgment.kind == "graded" else {"games": (judgment,)}
    return check_decisions(RunRecords(name="run", config=RunConfig.from_tree(config), **rows))


@pytest.mark.parametrize("answers", [1, 2])
@pytest.mark.parametrize("reading", Reading)
def test_a_judgment_and_its_check_use_one_reader(reading, answers):
    """A reply that two readers would read differently is checked with the run's own reader."""
    judgment = build_judgment(_request(reading, answers), [REPLIES[reading, answers]])

    check = _check(judgment, reading)

    assert (judgment.score == 8) if answers == 1 else (judgment.verdict == "A")
    assert (check.total, check.checked, check.differences) == (1, 1, ())


@pytest.mark.parametrize("answers", [1, 2])
@pytest.mark.parametrize("reading", [Reading.TEXT, Reading.JSON])
def test_the_decision_after_a_repair_is_checked_in_the_second_reply(reading, answers):
    """The first reply holds no decision, the second one does."""
    first = Completion(text="Perhaps.")
    judgment = build_judgment(_request(reading, answers), [first, REPLIES[reading, answers]])

    assert judgment.repaired
    assert _check(judgment, reading).differences == ()


def test_a_decision_that_was_changed_afterwards_is_found():
    """The line names the judgment, what is kept, and what the reply says."""
    request = _request(Reading.TEXT, 1)
    judgment = build_judgment(request, [REPLIES[Reading.TEXT, 1]])

    (difference,) = _check(replace(judgment, score=9), Reading.TEXT).differences

    assert difference.endswith("vicuna-13b: kept 9, its reply says 8.0")


@pytest.mark.parametrize("answers", [1, 2])
def test_the_thoughts_of_all_replies_are_kept_apart(answers):
    """The decision is read after the thought, and a repair request shows the reply only."""
    request = _request(Reading.TEXT, answers)
    first = Completion(text="Hm.", reasoning="[[3]]? [[B]]?", sent=("max_tokens",))
    last = replace(REPLIES[Reading.TEXT, answers], reasoning="Now it is clear.")

    judgment = build_judgment(request, [first, last])
    repair = request.build_repair_request(request.build_request(), first.text)

    assert (judgment.score == 8) if answers == 1 else (judgment.verdict == "A")
    assert judgment.reasoning == "[[3]]? [[B]]?\n\n--- asked again ---\n\nNow it is clear."
    assert "?" not in judgment.reply
    assert not any("[[3]]?" in message.content for message in repair.messages)
    assert build_judgment(request, [first]).sent == ("max_tokens",)


@pytest.mark.parametrize(("thinks", "unscored"), [(False, None), (True, "truncated")])
def test_a_cut_reply_of_a_thinking_judge_is_its_thought(thinks, unscored):
    """A server that separates no thoughts shows no mark where the prompt opened it."""
    request = _request(Reading.TEXT, 2)
    model = replace(request.judge.model, thinks=thinks)
    request = replace(request, judge=replace(request.judge, model=model))
    cut = Completion(text="First, B looks better [[B]]. But wait, let me", finish_reason="length")
    apart = replace(cut, reasoning="A thought.")

    assert build_judgment(request, [cut]).unscored == unscored
    assert build_judgment(request, [apart]).verdict == "B"


def test_a_reply_that_was_cut_names_the_servers_word_for_it():
    """An unknown finish reason is kept, and the check reads the reply by it."""
    cut = Completion(text="It is good.\nRating: 1", finish_reason="abort")

    judgment = build_judgment(_request(Reading.TEXT, 1), [cut])

    assert (judgment.score, judgment.unscored, judgment.finish_reason) == (
        None,
        "truncated",
        "abort",
    )
    assert _check(judgment, Reading.TEXT).differences == ()
    whole = build_judgment(_request(Reading.TEXT, 1), [REPLIES[Reading.TEXT, 1]])
    assert whole.finish_reason is None
