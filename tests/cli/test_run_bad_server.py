"""Whole runs against a faulty server: each item is done, or a failure with its reason."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from server import Behavior, Server

from evalharness.backends.openai_compatible import connect
from evalharness.config import load_settings
from evalharness.domain import JudgingSpec, Question, RunSpec
from evalharness.runner import run_pipeline
from evalharness.store import RunFolder, read_run

QUESTIONS = tuple(
    Question(
        question_id=f"q{number}", category="writing", turns=(f"Write about {number}.", "More.")
    )
    for number in range(10)
)
ANSWERED_TURNS = 2 * 10 * 2
JUDGMENTS = 10 * 2 * (2 + 2)
BAD = sorted(set(Behavior) - {Behavior.OK})
PASSING = (  # worth another attempt
    Behavior.RATE_LIMITED_MS,
    Behavior.SERVER_ERROR,
    Behavior.OVERLOADED,
    Behavior.HANG,
    Behavior.DRIP,
    Behavior.DISCONNECT,
    Behavior.HALF_JSON,
    Behavior.CUT,
    Behavior.NO_CHOICES,
    Behavior.WRONG_TYPE,
)


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Put the key of the judge into the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")


def _spec(url: str, **limits: float) -> RunSpec:
    models = ("vicuna-13b", "alpaca-7b")
    places = (*(f"models.{name}" for name in models), "judge.model")
    settings = load_settings(
        [
            f"models=[{','.join(models)}]",
            *(f"models.{name}.backend=openai_compatible" for name in models),
            *(f"{place}.base_url={url}" for place in places),
            *(f"{place}.{name}={value}" for place in places for name, value in limits.items()),
            "questions.limit=1",
        ]
    )
    return RunSpec(
        name="run",
        models=settings.run.models,
        judges=settings.run.judges,
        questions=QUESTIONS,
        judging=JudgingSpec(),
    )


async def _run(server: Server, path, **limits: float):
    """Run against the server, with waits of no length; return the records."""
    spec, clock = _spec(server.url, **limits), [0.0]

    async def pass_time(seconds: float) -> None:
        clock[0] += seconds

    with RunFolder.open(path) as folder:
        folder.write_config({}, spec.questions)
        await run_pipeline(
            spec,
            folder,
            connect=lambda model: connect(model, sleep=pass_time, clock=lambda: clock[0]),
        )
    return read_run(path)


@pytest.mark.parametrize("seed", range(2))
async def test_a_run_with_every_transient_error_is_complete(tmp_path, seed):
    """A third of all calls fail in one of ten ways, and no answer or judgment is missing."""
    draw = random.Random(seed)

    def choose(_call):
        return draw.choice(PASSING) if draw.random() < 0.33 else Behavior.OK

    async with Server(choose) as server:
        records = await _run(server, tmp_path, timeout_s=0.3, max_attempts=20, concurrency=16)

    assert not records.failures
    assert sum(len(answer.turns) for answer in records.answers) == ANSWERED_TURNS
    assert len(records.judgments) == JUDGMENTS
    assert len(server.calls) > ANSWERED_TURNS + JUDGMENTS


@pytest.mark.parametrize("behavior", BAD)
async def test_with_a_broken_server_every_item_is_done_or_a_failure_with_its_reason(
    tmp_path, behavior
):
    """With a server that never works, the run ends and has a reason for every missing answer."""
    async with Server(behavior) as server:
        records = await _run(
            server, tmp_path, timeout_s=0.2, max_attempts=2, give_up_after=5, concurrency=4
        )

    done = {(answer.model, answer.question_id) for answer in records.answers}
    failed = Counter((row.model, row.question_id) for row in records.failures)
    wanted = {
        (model, each.question_id) for model in ("vicuna-13b", "alpaca-7b") for each in QUESTIONS
    }
    assert wanted <= done | failed.keys()
    assert all(row.reason and row.detail for row in records.failures)
    if not done:
        assert set(failed.values()) == {1}
        assert len(server.calls) <= 2 * 2 * (5 + 4)
    assert all(row.score is not None or row.unscored for row in records.graded)


async def test_a_model_that_is_given_up_leaves_the_others_alone(tmp_path):
    """The server of one model is down; the other model is answered and graded in full."""

    def choose(call):
        return Behavior.UNAUTHORIZED if call.model == "vicuna-13b" else Behavior.OK

    async with Server(choose) as server:
        records = await _run(server, tmp_path, give_up_after=3, concurrency=2)

    reasons = Counter(row.reason for row in records.failures)
    assert {row.model for row in records.failures} == {"vicuna-13b"}
    assert reasons["http_401"] + reasons["given_up"] == 10
    assert reasons["given_up"] >= 5
    assert {(row.model, row.score is None) for row in records.graded} == {("alpaca-7b", False)}
    assert len(records.graded) == 20


def test_azure_serves_candidates_and_judge(tmp_path, monkeypatch, capsys):
    """Deployment, version and header are set by overrides alone."""
    import urllib.request

    from server import serving

    from evalharness.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving() as url:
        places = ("models.gpt-4o", "models.gpt-4o-mini", "judge.model")
        azure = ("base_url={}", "api_version=2024-10-21", "api_key_env=AZURE_OPENAI_API_KEY")
        overrides = [f"{place}.{each.format(url)}" for place in places for each in azure]
        command = ["run", "models=[gpt-4o,gpt-4o-mini]", "questions.limit=1", "run=azure"]
        assert main([*command, *overrides, "judge.model.api_name=my-gpt-4"]) == 0, (
            capsys.readouterr()
        )
        with urllib.request.urlopen(f"{url}/calls", timeout=10) as reply:  # noqa: S310 - our server
            by_model = json.load(reply)["by_model"]

    assert by_model == {"gpt-4o": 2, "gpt-4o-mini": 2, "my-gpt-4": 1 + 8}
