"""Each judge behind an endpoint is asked for one verdict before anything is paid for."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from server import Server
from server_replies import Behavior, Call

from evalharness.config import load_settings
from evalharness.domain import RunStage
from evalharness.errors import ConfigError
from evalharness.runner import complete_run
from evalharness.store import read_trials

STAGES = (RunStage.ANSWER, RunStage.JUDGE)
JUDGE = "judge-70b"
ANSWERS, JUDGMENTS = 2, 2  # two turns of one question; a grade of each


def _settings(url: str, folder: object, *overrides: str):
    return load_settings(
        [
            "models=[vicuna-13b]",
            "models.vicuna-13b.backend=openai_compatible",
            f"models.vicuna-13b.base_url={url}",
            "judge=gpt-4",
            f"judge.model.base_url={url}",
            f"judge.model.api_name={JUDGE}",
            "judge.model.max_attempts=1",
            "judge.model.prices.input=2",
            "judge.model.prices.output=10",
            "judging=graded",
            "questions=quick",
            "questions.limit=1",
            f"results={folder}",
            "run=mine",
            *overrides,
        ]
    )


async def _complete(server: Server, folder: object, *overrides: str, stages=STAGES):
    settings = _settings(server.url, folder, *overrides)
    return await asyncio.to_thread(complete_run, settings, stages, "none")


def _count(server: Server) -> tuple[int, int]:
    """Return the calls to the candidate and to the judge."""
    judged = sum(call.model == JUDGE for call in server.calls)
    return len(server.calls) - judged, judged


def _judge_only(behavior: Behavior):
    def choose(call: Call) -> Behavior:
        return behavior if call.model == JUDGE else Behavior.OK

    return choose


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The judge's file names this variable."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


async def test_a_judge_is_asked_once_before_any_answer_and_not_again_on_resume(tmp_path):
    """The verdict is kept and counted apart from those of the run."""
    async with Server() as server:
        await _complete(server, tmp_path)
        first = _count(server)
        await _complete(server, tmp_path)
        again = _count(server)

    manifest = json.loads((tmp_path / "mine/manifest.json").read_text())
    assert server.calls[0].model == JUDGE
    assert first == again == (ANSWERS, JUDGMENTS + 1)
    assert len(read_trials(tmp_path / "mine")) == 1
    assert manifest["usage"]["trials"]["calls"] == 1
    assert manifest["usage"]["trials"]["usd"] > 0
    assert manifest["usage"]["judges"]["calls"] == JUDGMENTS


@pytest.mark.parametrize(
    ("behavior", "words"),
    [
        (Behavior.NOT_FOUND, "refuses a trial verdict"),
        (Behavior.UNAUTHORIZED, "refuses a trial verdict"),
        (Behavior.BAD_REQUEST, "temperature must be at most 2"),
        (Behavior.EMPTY, "its trial reply was empty"),
        (Behavior.REFUSAL, "it refused to judge the trial pair: 'I cannot judge these.'"),
    ],
)
async def test_a_judge_that_cannot_judge_is_refused_before_answers_are_paid_for(
    tmp_path, behavior, words
):
    """One call is the whole loss, and the settings can be corrected under the same name."""
    async with Server(_judge_only(behavior)) as server:
        with pytest.raises(ConfigError, match=words) as refusal:
            await _complete(server, tmp_path)

        assert _count(server) in ((0, 1), (0, 2))  # the second without a refused field

    first, second = str(refusal.value).splitlines()
    assert first.startswith(f"judge {JUDGE} ({JUDGE} at http://127.0.0.1")
    assert "judge.trial=false" in second
    assert not (tmp_path / "mine/config.yaml").exists()
    async with Server() as server:
        await _complete(server, tmp_path, "judge.model.sampling.max_tokens=900")


def _judge_replies(longest=None, **message):
    """Return how a server refuses the judge's request for a longer reply, or answers it."""

    def reply(body):
        if body["model"] != JUDGE:
            return None
        if longest is not None and body["max_tokens"] > longest:
            said = f"the valid range of max_tokens is [1, {longest}]"
            return 400, {"error": {"message": said}}
        own = {"role": "assistant", "content": None, **message}
        finish = "stop" if longest is None else "length"
        return 200, {"choices": [{"index": 0, "message": own, "finish_reason": finish}]}

    return reply


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            _judge_replies(refusal="I can't help."),
            'refused to judge the trial pair: "I can\'t help."',
        ),
        (_judge_replies(20, content="Well"), "cut at 20 tokens, the most its server allows"),
    ],
)
async def test_a_trial_that_more_tokens_would_not_mend_does_not_propose_them(
    tmp_path, reply, words
):
    """A model that refuses is not cut, and a server's limit cannot be raised here."""
    async with Server(refuse=reply) as server:
        with pytest.raises(ConfigError, match=re.escape(words)) as refusal:
            await _complete(server, tmp_path)

    assert "raise" not in str(refusal.value)


async def test_a_reading_that_the_server_does_not_offer_is_refused(tmp_path):
    """A server without log-probabilities reads no probabilities."""
    prompts = "prompts@judge.prompts.graded=graded_short"
    async with Server(_judge_only(Behavior.NO_LOGPROBS)) as server:
        with pytest.raises(ConfigError, match="sent no token probabilities"):
            await _complete(server, tmp_path, "judge.reading=probabilities", prompts)

        assert _count(server)[0] == 0


async def test_an_unreadable_verdict_is_asked_for_once_more_by_the_same_command(tmp_path):
    """A draw may have been bad, or the server mended; every call is counted."""
    async with Server(_judge_only(Behavior.EMPTY)) as server:
        for _ in range(2):
            with pytest.raises(ConfigError, match="its trial reply was empty"):
                await _complete(server, tmp_path)

        assert _count(server) == (0, 2)
    async with Server() as server:
        await _complete(server, tmp_path)
        await _complete(server, tmp_path)

        assert _count(server) == (ANSWERS, JUDGMENTS + 1)
    manifest = json.loads((tmp_path / "mine/manifest.json").read_text())
    assert manifest["usage"]["trials"]["calls"] == 3


async def test_the_user_can_go_on_without_a_trial(tmp_path):
    """A judge that often says nothing readable may be what is studied."""
    async with Server(_judge_only(Behavior.EMPTY)) as server:
        await _complete(server, tmp_path, "judge.trial=false")

    assert _count(server) == (ANSWERS, JUDGMENTS)


async def test_a_server_that_is_busy_is_no_wrong_setting(tmp_path):
    """The run begins, and waits for the judge as usual."""
    calls = []

    def choose(call: Call) -> Behavior:
        calls.append(call)
        return Behavior.SERVER_ERROR if len(calls) == 1 else Behavior.OK

    async with Server(choose) as server:
        outcome = await _complete(server, tmp_path)

    assert not outcome.problems
    assert _count(server) == (ANSWERS, JUDGMENTS + 1)
    assert not read_trials(tmp_path / "mine")


async def test_the_trial_is_within_the_budget(tmp_path):
    """Without a call allowed none is made."""
    async with Server() as server:
        await _complete(server, tmp_path, "budget.calls=0")
        assert server.calls == []
        await _complete(server, tmp_path, "budget.calls=3")
        assert len(server.calls) == 3
        await _complete(server, tmp_path)

    assert _count(server) == (ANSWERS, JUDGMENTS + 1)


async def test_a_trial_is_live_where_judgments_go_in_batches(tmp_path):
    """A batch takes up to a day to say that its key is wrong."""
    async with Server() as server:
        await _complete(server, tmp_path, "judge.mode=batch")

    assert server.calls[0].model == JUDGE
    assert len(read_trials(tmp_path / "mine")) == 1


async def test_no_trial_where_the_judge_has_judged_or_is_not_called(tmp_path):
    """`answer` asks no judge; a run of an earlier release goes on."""
    async with Server() as server:
        await _complete(server, tmp_path, stages=(RunStage.ANSWER,))
        assert _count(server) == (ANSWERS, 0)
        await _complete(server, tmp_path)
        (tmp_path / "mine/trials.jsonl").unlink()
        await _complete(server, tmp_path, "questions.limit=2")

    assert _count(server)[1] == 2 * JUDGMENTS + 1


async def test_local_and_scripted_judges_are_not_tried(tmp_path):
    """Nothing is loaded before the answers."""
    settings = load_settings(
        [
            "models=[vicuna-13b]",
            "models.vicuna-13b.backend=scripted",
            *("judge=scripted", "judging=graded", "questions=quick", "questions.limit=1"),
            *(f"results={tmp_path}", "run=mine"),
        ]
    )

    await asyncio.to_thread(complete_run, settings, STAGES, "none")

    assert not (tmp_path / "mine/trials.jsonl").exists()
