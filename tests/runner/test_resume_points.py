"""A run that was cut anywhere, resumed: the leaderboard is that of a run that was not cut."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from builders import question
from generated_runs import run_settings
from hypothesis import given
from hypothesis import strategies as st
from judge_prompts import PROMPTS

from evalharness.analysis import build_leaderboard
from evalharness.backends import ScriptedBackend
from evalharness.backends.scripted import make_reply
from evalharness.domain import JudgeSpec, JudgingSpec, ModelSpec, RunSpec, RunStage
from evalharness.judge import collect_battles
from evalharness.runner import run_pipeline
from evalharness.store import RunFolder, read_run

SAME_TEXT = tuple(question(number, turns=("Which is it?", "Why?")) for number in ("p", "q", "r"))
SPEC = RunSpec(
    name="run",
    models=tuple(ModelSpec(name=name, backend="scripted") for name in ("a", "b", "c")),
    judges=(
        JudgeSpec(name="judge", model=ModelSpec(name="judge", backend="scripted"), prompts=PROMPTS),
    ),
    questions=(*SAME_TEXT, question("other")),
    judging=JudgingSpec(),
)


def complete(path):
    """Ask for what the run lacks; an answer depends on its question, and not only on its text."""
    asked = []

    def connect(spec):
        def reply(request):
            asked.append(spec.name)
            text = make_reply(spec.name, request.messages)
            if spec.name == "judge":
                return text
            return f"{text} ({request.question_id})"

        return ScriptedBackend(reply)

    with RunFolder.open(path) as folder:
        folder.write_config({}, SPEC.questions)
        asyncio.run(
            run_pipeline(SPEC, folder, stages=(RunStage.ANSWER, RunStage.JUDGE), connect=connect)
        )
    return len(asked)


def board_of(path):
    """Return the leaderboard of a run, as text."""
    records = replace(read_run(path), name="run")
    return repr(build_leaderboard(records, collect_battles(records), seed=0))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a run that was not cut."""
    path = tmp_path_factory.mktemp("whole")
    complete(path)
    return path


@run_settings
@given(shares=st.tuples(*(st.floats(0, 1) for _ in range(2))))
def test_a_run_cut_at_any_byte_ends_as_the_run_that_was_not_cut(whole, tmp_path_factory, shares):
    """Nothing is asked again but what was lost, and no number moves."""
    cut = tmp_path_factory.mktemp("cut")
    lost = 0
    for name, share in zip(("answers.jsonl", "judgments.jsonl"), shares, strict=True):
        content = (whole / name).read_bytes()
        kept = content[: round(share * len(content))]
        (cut / name).write_bytes(kept)
        rows = [json.loads(row) for row in content[kept.rfind(b"\n") + 1 :].splitlines()]
        lost += sum(len(row.get("turns", [""])) for row in rows)

    assert complete(cut) <= lost
    assert board_of(cut) == board_of(whole)


def test_answers_to_questions_of_one_text_stay_apart(whole):
    """Each of the three questions has its own answers, and its own verdicts."""
    records = read_run(whole)

    texts = {(answer.model, answer.question_id): answer.turns[0].text for answer in records.answers}
    assert all(text.endswith(f"({asked})") for (_, asked), text in texts.items())
    assert len({row.digest for row in records.judgments}) == len(records.judgments)
