"""Test a run: each call is made once, failures are rows, and interrupted runs continue."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace

import pytest
from builders import question
from judge_prompts import PROMPTS

from evalharness.backends import ScriptedBackend
from evalharness.backends.scripted import make_reply
from evalharness.domain import JudgeSpec, JudgingSpec, ModelSpec, Role, RunSpec, RunStage, Sampling
from evalharness.errors import PermanentError
from evalharness.judge import order_questions
from evalharness.runner import plan_load_steps, run_pipeline
from evalharness.store import RunFolder, read_run

JUDGE = JudgeSpec(name="judge", model=ModelSpec(name="judge", backend="scripted"), prompts=PROMPTS)
QUESTIONS = tuple(question(f"q{number}") for number in range(4))
ONCE = 4 * 3 * 2 + 4 * 2 * (3 + 3 * 2)  # answered turns; grades and both orders of three pairs


def _model(name: str) -> ModelSpec:
    return ModelSpec(name=name, backend="scripted", sampling=Sampling(temperature=0.7))


SPEC = RunSpec(
    name="run",
    models=(_model("a"), _model("b"), _model("c")),
    judges=(JUDGE,),
    questions=QUESTIONS,
    judging=JudgingSpec(),
)


class Counter:
    """Connects scripted models, and stores every request."""

    def __init__(self, fail) -> None:
        self.backends: list[tuple[str, ScriptedBackend]] = []
        self._fail = fail

    def connect(self, spec: ModelSpec) -> ScriptedBackend:
        """Return a model that fails for configured requests, and replies to all others."""

        def reply(request):
            return self._fail(spec, request) or make_reply(spec.name, request.messages)

        self.backends.append((spec.name, ScriptedBackend(reply)))
        return self.backends[-1][1]

    def calls(self, name: str | None = None) -> int:
        """Return the number of calls to a model, or to all models."""
        return sum(len(b.requests) for own, b in self.backends if name in (None, own))


def _run(
    path,
    spec=SPEC,
    fail=lambda _spec, _request: None,
    stages=(RunStage.ANSWER, RunStage.JUDGE),
    *,
    only_failed=False,
):
    counter = Counter(fail)
    with RunFolder.open(path) as folder:
        folder.write_config({}, spec.questions)
        asyncio.run(
            run_pipeline(
                spec, folder, stages=stages, connect=counter.connect, only_failed=only_failed
            )
        )
    return counter


def test_every_answer_and_judgment_is_asked_for_once(tmp_path):
    """The number of calls is the planned one."""
    counter = _run(tmp_path)
    records = read_run(tmp_path)

    assert counter.calls() == ONCE
    assert (len(records.answers), len(records.graded), len(records.games)) == (12, 24, 48)
    assert not records.failures


def test_the_same_run_again_asks_nothing(tmp_path):
    """Resuming a finished run is free."""
    _run(tmp_path)
    before = (tmp_path / "judgments.jsonl").read_bytes()

    again = _run(tmp_path)

    assert (again.calls(), again.backends) == (0, [])  # not even loaded
    assert (tmp_path / "judgments.jsonl").read_bytes() == before


def test_questions_of_equal_text_keep_their_own_answers(tmp_path):
    """A judge is shown the answer to the question that it judges, and nothing is asked for again."""
    greedy = [replace(model, sampling=Sampling(temperature=0)) for model in SPEC.models]
    spec = replace(SPEC, models=tuple(greedy))

    def number_reply(asked, request):
        return None if asked.name == "judge" else f"{asked.name} on {request.question_id}"

    counter = _run(tmp_path, spec, fail=number_reply)
    records = read_run(tmp_path)
    shown = [
        (request.question_id, request.messages[-1].content)
        for name, backend in counter.backends
        for request in backend.requests
        if name == "judge"
    ]

    assert counter.calls() == ONCE
    assert len({question.turns for question in QUESTIONS}) == 1
    assert all(
        turn.text == f"{row.model} on {row.question_id}"
        for row in records.answers
        for turn in row.turns
    )
    assert len(records.answers) == 12
    for question_id, text in shown:
        others = [each.question_id for each in QUESTIONS if each.question_id != question_id]
        assert f" on {question_id}" in text
        assert not any(f" on {other}" in text for other in others)
    assert _run(tmp_path, spec, fail=number_reply).calls() == 0


def test_a_second_turn_is_asked_with_the_first_reply_before_it(tmp_path):
    """The request contains the earlier turns of the conversation."""
    counter = _run(tmp_path, stages=(RunStage.ANSWER,))
    (answer,) = [
        row for row in read_run(tmp_path).answers if (row.model, row.question_id) == ("a", "q0")
    ]
    last = [
        request
        for name, backend in counter.backends
        for request in backend.requests
        if name == "a" and request.question_id == "q0"
    ][-1]

    assert [message.role for message in last.messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert last.messages[1].content == answer.turns[0].text


def test_both_orders_of_a_pair_are_shown(tmp_path):
    """Each game has its swap, so position bias favors neither model."""
    _run(tmp_path)
    games = read_run(tmp_path).games

    assert all(sum(other.is_swap_of(game) for other in games) == 1 for game in games)


def test_a_failed_turn_is_a_row_and_only_what_depends_on_it_is_missing(tmp_path):
    """If turn 2 of an answer fails, its turn 1 is judged, and all other calls are made."""

    def fail(spec, request):
        if spec.name == "b" and request.question_id == "q1" and request.turn == 2:
            return PermanentError("the server's words", reason="http_400")
        return None

    _run(tmp_path, fail=fail)
    records = read_run(tmp_path)

    (row,) = records.failures
    assert (row.stage, row.model, row.question_id, row.turn) == (RunStage.ANSWER, "b", "q1", 2)
    assert (row.reason, row.detail) == ("http_400", "the server's words")
    judged = {(g.model, g.turn) for g in records.graded if g.question_id == "q1"}
    assert judged == {("a", 1), ("a", 2), ("b", 1), ("c", 1), ("c", 2)}
    assert len(records.games) == 48 - 4


def test_what_failed_is_asked_again_and_nothing_else(tmp_path):
    """After a failure, one turn and the judgments that depend on it are requested."""

    def fail(spec, request):
        failing = spec.name == "b" and request.question_id == "q1" and request.turn == 2
        return PermanentError("no", reason="http_400") if failing else None

    _run(tmp_path, fail=fail)
    counter = _run(tmp_path)

    assert (counter.calls("b"), counter.calls("judge"), counter.calls()) == (1, 5, 6)
    assert not read_run(tmp_path).failures


def test_only_what_failed_can_be_asked_for(tmp_path):
    """Only failed calls, and calls that depend on them, are repeated."""

    def fail(spec, request):
        failing = (spec.name, request.question_id) in {("b", "q1"), ("judge", "q0")}
        return PermanentError("no", reason="http_400") if failing else None

    part = replace(SPEC, questions=QUESTIONS[:2])
    _run(tmp_path, part, fail=fail)
    before = {row.key for row in read_run(tmp_path).failures}
    counter = _run(tmp_path, only_failed=True)
    records = read_run(tmp_path)

    assert len(before) == 1 + 6 + 12
    assert counter.calls("b") == 2
    assert counter.calls("judge") == 18 + 2 + 2 * 4
    assert counter.calls() == 30
    assert not records.failures
    assert {answer.question_id for answer in records.answers} == {"q0", "q1"}
    assert _run(tmp_path).calls() == ONCE // 2


def test_a_judge_that_fails_leaves_rows_not_numbers(tmp_path):
    """A failed judgment is neither a score nor a tie."""

    def fail(spec, request):
        if spec.name == "judge" and request.question_id == "q2":
            return PermanentError("no", reason="http_401")
        return None

    _run(tmp_path, fail=fail)
    records = read_run(tmp_path)

    assert len(records.failures) == 3 * 2 + 3 * 2 * 2
    assert {row.reason for row in records.failures} == {"http_401"}
    assert not [row for row in records.judgments if row.question_id == "q2"]


def test_a_model_that_cannot_be_connected_fails_alone(tmp_path):
    """Broken weights of one model do not affect the results of the others."""
    counter = Counter(lambda _spec, _request: None)

    def connect(spec):
        if spec.name == "b":
            msg = "config.json is missing"
            raise PermanentError(msg, reason="load")
        return counter.connect(spec)

    with RunFolder.open(tmp_path) as folder:
        folder.write_config({}, SPEC.questions)
        asyncio.run(run_pipeline(SPEC, folder, connect=connect))
    records = read_run(tmp_path)

    assert {(row.model, row.reason) for row in records.failures} == {("b", "load")}
    assert {answer.model for answer in records.answers} == {"a", "c"}
    assert len(records.games) == 4 * 2 * 2


def test_a_model_that_is_added_costs_only_itself(tmp_path):
    """A new model does not repeat the calls of the others."""
    _run(tmp_path, replace(SPEC, models=SPEC.models[:2]))
    counter = _run(tmp_path)

    assert (counter.calls("a"), counter.calls("b"), counter.calls("c")) == (0, 0, 8)
    assert counter.calls("judge") == 4 * 2 * (1 + 2 * 2)


@pytest.mark.parametrize("calls", [1, 7, 13, 30, 70])
def test_an_interrupted_run_continues_where_it_stopped(tmp_path, calls):
    """After Ctrl-C at any moment, the next run makes the missing calls and has the same result."""
    asked = 0

    def interrupt(_spec, _request):
        nonlocal asked
        asked += 1
        if asked == calls:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "run", fail=interrupt)
    kept = read_run(tmp_path / "run")
    second = _run(tmp_path / "run")
    _run(tmp_path / "whole")

    stored = sum(len(answer.turns) for answer in kept.answers) + len(kept.judgments)
    assert second.calls() == ONCE - stored
    for name in ("answers.jsonl", "judgments.jsonl", "failures.jsonl"):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "run" / name).read_bytes() == whole


def test_answers_are_asked_for_question_by_question_over_all_categories(tmp_path):
    """All models of a question come together, and the first questions are of different categories."""
    questions = tuple(
        question(f"{name}{n}", category=name, turns=("?",)) for name in "xyz" for n in range(3)
    )
    asked = []

    def note(spec, request):
        asked.append((request.question_id, spec.name))

    _run(tmp_path, replace(SPEC, questions=questions), fail=note, stages=(RunStage.ANSWER,))

    order = [each.question_id for each in order_questions(questions, SPEC.seed)]
    assert asked == [(question_id, name) for question_id in order for name in "abc"]
    assert {question_id[0] for question_id in order[:3]} == set("xyz")


def test_judging_alone_asks_no_candidate(tmp_path):
    """`judge` uses the existing answers."""
    _run(tmp_path, stages=(RunStage.ANSWER,))
    counter = _run(tmp_path, stages=(RunStage.JUDGE,))

    assert {name for name, _ in counter.backends} == {"judge"}
    assert counter.calls() == 72


def test_answers_drawn_at_random_have_seeds_that_repeat(tmp_path):
    """Runs are reproducible; every question and sample has its own seed."""
    spec = replace(SPEC, judging=JudgingSpec(samples=2))
    counter = _run(tmp_path, spec, stages=(RunStage.ANSWER,))
    seeds = {
        (name, request.question_id, request.sample): request.sampling.seed
        for name, backend in counter.backends
        for request in backend.requests
    }

    assert len(set(seeds.values())) == len(seeds) == 3 * 4 * 2
    assert None not in seeds.values()


def test_local_weights_come_one_after_another_and_the_judges_last():
    """Models are loaded one at a time; weights that a judge shares are loaded once."""
    places = {"a": "w1", "b": None, "c": "w2", "d": "w1"}
    models = [replace(_model(name), settings=weights) for name, weights in places.items()]
    judge = replace(JUDGE, model=replace(JUDGE.model, settings="w1"))

    at_once, one_by_one = plan_load_steps(models, [judge, JUDGE], lambda spec: spec.settings)

    assert ([m.name for m in at_once.models], at_once.judges) == (["b"], [JUDGE])
    assert [[m.name for m in step.models] for step in one_by_one] == [["c"], ["a", "d"]]
    assert [step.judges for step in one_by_one] == [[], [judge]]
