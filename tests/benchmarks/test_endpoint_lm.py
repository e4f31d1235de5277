"""Test benchmarks of models behind endpoints: they are as exact as with weights, and use our client."""

from __future__ import annotations

import asyncio
from collections import Counter

import checkpoints
import pytest
from benchmark_suites import ARC, spec, write_lines
from completions_server import CompletionsServer
from endpoint_model import model as served
from local_models import TEMPLATE
from local_models import model as local
from server import Server

from evalharness.config import find_resource_folder
from evalharness.domain import JudgingSpec, RunSpec, RunStage, SuiteSpec
from evalharness.errors import ConfigError
from evalharness.planner import plan_benchmarks
from evalharness.runner import run_pipeline
from evalharness.runner.pipeline import connect_model
from evalharness.store import (
    CachedBackend,
    CompletionCache,
    RunFolder,
    read_benchmark_results,
    read_benchmark_samples,
)

pytestmark = [
    pytest.mark.weights,
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
]
QUESTIONS = (
    ("What is ice?", ("frozen water", "a fire", "the fox")),
    ("What jumps over the lazy dog?", ("an island", "The quick brown fox", "Hawaii")),
    ("Where is Hawaii?", ("far out in the ocean", "in a tie", "nowhere")),
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a folder with a tiny model."""
    return checkpoints.save(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def suite(tmp_path):
    """Return a suite over local data with one task of log-likelihoods and one of replies."""
    rows = [
        ARC | {"question": question, "choices": {"text": choices, "label": ["A", "B", "C"]}}
        for question, choices in QUESTIONS
    ]
    write_lines(tmp_path / "data/ai2_arc/ARC-Easy/test.jsonl", rows)
    return SuiteSpec(
        name="mine",
        benchmarks=(spec("arc_easy"), spec("smoke_sums")),
        data_dir=str(tmp_path / "data"),
        folders=(str(find_resource_folder("conf") / "tasks/smoke"),),
    )


def _run(path, suite, *models, cache=None):
    """Run a suite; return the results by model and benchmark, and the failures."""
    run = RunSpec(
        name="mine", models=models, judges=(), questions=(), judging=JudgingSpec(), suite=suite
    )
    planned = plan_benchmarks(run)

    def connect(each):
        backend = connect_model(each)
        return backend if cache is None else CachedBackend(backend, cache, each)

    async def work():
        with RunFolder.open(path) as folder:
            await run_pipeline(
                run, folder, stages=(RunStage.BENCHMARK,), connect=connect, benchmarks=planned
            )
            return list(folder.failures.values())

    return work, planned


def _results(path):
    return {(each.model, each.benchmark): each for each in read_benchmark_results(path)}


def _completions(url, **settings):
    return served(url, name="served", endpoint="completions", template=TEMPLATE, **settings)


async def test_an_endpoint_that_echoes_finds_what_the_weights_find(tmp_path, weights, suite):
    """Log probabilities are read from the right tokens, and texts cut at the right places."""
    async with CompletionsServer(weights) as server:
        work, _ = _run(
            tmp_path / "run", suite, local(weights, name="loaded"), _completions(server.url)
        )
        assert await work() == []
    samples = {}
    for each in read_benchmark_samples(tmp_path / "run", limit=100):
        samples.setdefault(each.model, []).append(each)

    assert len(samples["served"]) == len(samples["loaded"]) > len(QUESTIONS)
    for one, other in zip(samples["served"], samples["loaded"], strict=True):
        assert one.log_likelihoods == pytest.approx(other.log_likelihoods, abs=1e-4)
        assert (one.prompt, one.choices, one.reply) == (other.prompt, other.choices, other.reply)
    found = _results(tmp_path / "run")
    for benchmark in ("arc_easy", "smoke_sums"):
        figures = [found[name, benchmark].scores[0].value for name in ("served", "loaded")]
        assert figures[0] == figures[1]


async def test_the_client_asks_again_and_the_cache_answers_for_what_is_paid(
    tmp_path, weights, suite
):
    """A temporary error costs no benchmark, and a repeated benchmark sends no request."""
    cache = CompletionCache(tmp_path / "cache.sqlite")
    async with CompletionsServer(weights) as server:
        server.failing = 3
        model = _completions(server.url)
        work, _ = _run(tmp_path / "run", suite, model, cache=cache)
        assert await work() == []
        asked = len(server.bodies)
        again, _ = _run(tmp_path / "other", suite, model, cache=cache)
        assert await again() == []
        assert len(server.bodies) == asked
    cache.close()
    # The probe, three choices of three questions, ten sums, and three that failed.
    assert asked == 1 + 9 + 10 + 3
    about = _results(tmp_path / "run")["served", "arc_easy"].about
    assert about["calls"] == 9
    assert about["prompt_tokens"] > 9


async def test_a_server_that_does_not_echo_is_found_out_by_one_request(tmp_path, weights, suite):
    """Tasks of log-likelihoods fail with a reason, and the other tasks are run."""
    async with CompletionsServer(weights, echoes=False) as server:
        work, _ = _run(tmp_path / "run", suite, _completions(server.url))
        (failure,) = await work()
    assert (failure.stage, failure.question_id, failure.reason) == (
        RunStage.BENCHMARK,
        "arc_easy",
        "no_logprobs",
    )
    assert _results(tmp_path / "run").keys() == {("served", "smoke_sums")}
    assert Counter(bool(body.get("echo")) for body in server.bodies) == {True: 1, False: 10}


async def test_a_chat_endpoint_asked_to_compare_is_refused_before_any_call(tmp_path, suite):
    """Such a model cannot return log-likelihoods, and its replies would be paid for nothing."""
    arc = SuiteSpec(name="arc", benchmarks=suite.benchmarks[:1], data_dir=suite.data_dir)
    async with Server() as server:
        model = served(server.url)
        with pytest.raises(
            ConfigError, match=r"vicuna-13b without arc_easy: a chat endpoint tells"
        ):
            _run(tmp_path / "run", arc, model)
        work, planned = _run(tmp_path / "run", suite, model)

        assert [each.spec.name for each in planned.by_model["vicuna-13b"]] == ["smoke_sums"]
        assert "vicuna-13b without arc_easy" in planned.left_out[0]
        assert await work() == []
        assert {call.path for call in server.calls} == {"/v1/chat/completions"}
        assert len(server.calls) == 10
    # Two examples and the question, as a conversation.
    roles = [message["role"] for message in server.calls[0].body["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    score = _results(tmp_path / "run")["vicuna-13b", "smoke_sums"].scores[0]
    assert score.chat_template


async def test_an_interrupt_leaves_what_is_finished(tmp_path, weights, suite):
    """The run does not wait for the thread of lm-eval."""
    async with CompletionsServer(weights) as server:
        work, _ = _run(tmp_path / "run", suite, _completions(server.url))
        task = asyncio.create_task(work())
        while not _results(tmp_path / "run"):  # noqa: ASYNC110 - another thread writes it
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert ("served", "arc_easy") in _results(tmp_path / "run")
