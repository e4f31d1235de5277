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
    config = {"judge": {"name": "judge", "reading": reading.value, "prompts": prompts}}
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
