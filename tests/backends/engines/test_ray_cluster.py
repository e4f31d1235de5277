"""Models on a simulated Ray cluster: nodes share the work, and one that goes loses nothing.

One cluster serves all tests, because starting it takes seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest
from builders import model_spec, question

from evalharness.backends import RAY_ENGINE, EngineSpec, ScriptedBackend
from evalharness.backends.scripted import make_reply
from evalharness.domain import (
    JudgingSpec,
    Message,
    ModelSpec,
    Request,
    Role,
    RunSpec,
    RunStage,
    Sampling,
)
from evalharness.errors import ConfigError, PermanentError
from evalharness.runner import run_pipeline
from evalharness.store import RunFolder, read_run

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'evalharness[ray]'")

from evalharness.backends.engines.ray_cluster import RayEngine  # noqa: E402
from evalharness.backends.engines.replica_pool import MAX_DEATHS  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
LATENCY_S = 0.2
NODES = 3
ON_NODES = EngineSpec(name=RAY_ENGINE, num_cpus=1, num_gpus=0, in_flight=4)


def _model(name: str = "model") -> ModelSpec:
    return model_spec("local_transformers", name=name, weights=name, template="tokenizer")


def _request(text: str = "hello") -> Request:
    return Request(messages=(Message(role=Role.USER, content=text),), sampling=Sampling())


def _spec(count: int, *names: str) -> RunSpec:
    return RunSpec(
        name="run",
        models=tuple(_model(name) for name in names or ("model",)),
        judges=(),
        questions=tuple(
            question(f"q{number}", turns=(f"Say {number}.", "Again.")) for number in range(count)
        ),
        judging=JudgingSpec(),
    )


def _add_node(cluster, **settings):
    """Start a node; Ray waits half a minute for one, which a busy machine may exceed."""
    for _ in range(4):
        try:
            return cluster.add_node(**settings)
        except Exception as error:  # noqa: BLE001 - Ray raises no narrower one
            late = error
    raise late


@pytest.fixture(scope="module")
def cluster():
    """Three nodes of one processor each, and a head that takes no work."""
    from ray.cluster_utils import Cluster

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    small = {"object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster()
    _add_node(cluster, num_cpus=0, **small)
    for _ in range(NODES):
        _add_node(cluster, num_cpus=1, object_store_memory=80 << 20)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def _connector(journal, misbehave=lambda _request: None, nodes=1):
    """Return a function that makes a slow scripted model, which writes down what it is asked.

    It replies once so many nodes have one: on a busy machine a node may be up when all is done.
    """
    arrivals = journal.with_suffix(".nodes")

    def connect(spec: ModelSpec) -> ScriptedBackend:
        node = ray.get_runtime_context().get_node_id()
        arrivals.mkdir(exist_ok=True)
        (arrivals / node).touch()

        def reply(request: Request) -> str | Exception:
            while len([*arrivals.iterdir()]) < nodes:
                time.sleep(0.02)
            line = f"{node} {spec.name} {request.question_id} {request.turn}\n"
            descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, line.encode())
            os.close(descriptor)
            return misbehave(request) or make_reply(spec.name, request.messages)

        return ScriptedBackend(reply, latency_s=LATENCY_S)

    return connect


class Journal:
    """What the models wrote down: where they were, and what they were asked."""

    def __init__(self, path) -> None:
        self.lines = path.read_text().splitlines() if path.exists() else []
        self.nodes = Counter(line.split()[0] for line in self.lines)
        self.asked = Counter(line.split(maxsplit=1)[1] for line in self.lines)


async def _answer(path, spec, engine, **settings):
    with RunFolder.open(path) as folder:
        folder.write_config({}, spec.questions)
        await run_pipeline(
            spec,
            folder,
            stages=(RunStage.ANSWER,),
            connect=lambda model: engine.pooled(model, model.name),
            **settings,
        )


async def _asked(engine, *requests, spec=None):
    """Return completions and errors of requests made at once."""
    backend = engine.pooled(spec or _model(), "weights")
    try:
        return await asyncio.gather(*map(backend.complete, requests), return_exceptions=True)
    finally:
        await backend.close()


def test_all_nodes_take_part_and_each_turn_is_asked_once(tmp_path):
    """The queue is shared evenly, and nothing is worked on twice while nothing dies."""
    engine = RayEngine(ON_NODES, _connector(tmp_path / "journal", nodes=NODES))

    asyncio.run(_answer(tmp_path / "run", _spec(24), engine))

    journal = Journal(tmp_path / "journal")
    assert len(read_run(tmp_path / "run").answers) == 24
    assert set(journal.asked.values()) == {1}
    assert len(journal.asked) == 48
    assert len(journal.nodes) == NODES


def test_a_node_that_goes_loses_nothing_and_repeats_only_what_it_worked_on(cluster, tmp_path):
    """Turns that are written are kept; what was in flight on the node is asked once more."""
    engine = RayEngine(ON_NODES, _connector(tmp_path / "journal"))
    spec = _spec(40)

    async def lose_a_node():
        working = asyncio.create_task(_answer(tmp_path / "run", spec, engine))
        path = tmp_path / "journal"
        while len((journal := Journal(path)).lines) < 30:  # noqa: ASYNC110 - others write it
            await asyncio.sleep(0.05)
        busiest = journal.nodes.most_common(1)[0][0]
        node = next(each for each in cluster.worker_nodes if each.node_id == busiest)
        await asyncio.to_thread(cluster.remove_node, node, allow_graceful=False)
        await working
        return busiest

    lost = asyncio.run(lose_a_node())
    cluster.add_node(num_cpus=1, object_store_memory=80 << 20)

    records = read_run(tmp_path / "run")
    journal = Journal(tmp_path / "journal")
    repeated = {what for what, times in journal.asked.items() if times > 1}
    on_lost = {line.split(maxsplit=1)[1] for line in journal.lines if line.startswith(lost)}
    assert len(records.answers) == 40
    assert all(len(answer.turns) == 2 for answer in records.answers)
    assert records.failures == ()
    assert repeated <= on_lost
    assert len(repeated) <= ON_NODES.in_flight
    assert max(journal.asked.values()) <= 2


def test_models_that_do_not_fit_together_are_loaded_one_after_another(tmp_path):
    """Each is loaded once in each process, and has left before the next begins."""
    engine = RayEngine(replace(ON_NODES, replicas=NODES), _connector(tmp_path / "journal"))

    asyncio.run(_answer(tmp_path / "run", _spec(6, "first", "second", "third"), engine))

    order = [line.split()[1] for line in Journal(tmp_path / "journal").lines]
    assert order == ["first"] * 12 + ["second"] * 12 + ["third"] * 12


def test_what_kills_its_process_is_given_up_and_takes_no_other_along(tmp_path):
    """A request on which every process dies must not keep a run going for ever."""

    def misbehave(request):
        if "poison" in request.messages[0].content:
            os._exit(1)

    engine = RayEngine(
        replace(ON_NODES, replicas=2, in_flight=1), _connector(tmp_path / "journal", misbehave)
    )
    requests = [_request("hello"), _request("poison"), _request("good bye")]

    first, poison, last = asyncio.run(_asked(engine, *requests))

    assert isinstance(poison, PermanentError)
    assert poison.reason == "replica_died"
    assert poison.attempts == MAX_DEATHS
    assert first.text != last.text


def test_errors_come_over_as_they_are(tmp_path):
    """What a model says of its own failure is read by a person: reason and words are kept."""

    def misbehave(request):
        if request.messages[0].content == "known":
            return PermanentError("too long", reason="context_length", attempts=3)
        return ValueError("cannot read")

    engine = RayEngine(replace(ON_NODES, replicas=1), _connector(tmp_path / "journal", misbehave))

    first, second = asyncio.run(_asked(engine, _request("known"), _request("unknown")))

    assert (str(first), first.reason, first.attempts) == ("too long", "context_length", 3)
    assert (str(second), second.reason) == ("ValueError: cannot read", "replica_error")


def test_a_model_that_no_node_has_room_for_is_refused():
    """Ray itself would wait for such a node for ever."""
    with pytest.raises(ConfigError, match=r"no node has room for a replica \(1 CPU, 1 GPU\)"):
        RayEngine(replace(ON_NODES, num_gpus=1))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A checkpoint that all nodes see."""
    import checkpoints  # torch takes seconds, and only these tests need it

    return checkpoints.save(tmp_path_factory.mktemp("checkpoint") / "weights")


def _command(cluster, weights, questions, *overrides):
    """Return a run of real weights on the cluster, which is joined by its address."""
    model = "models.vicuna-13b"
    return [
        *(sys.executable, "-m", "evalharness", "run", "+models=[vicuna-13b]", "run=r"),
        *(f"{model}.weights={weights}", f"{model}.dtype=float32", "cache=off"),
        *("judge=scripted", "judging=graded", f"questions={questions}"),
        *("engine=ray", f"engine.address={cluster.address}", "engine.replicas=1"),
        *overrides,
    ]


def _write_questions(path, turns_by_id):
    lines = [
        {"question_id": name, "category": "writing", "turns": turns}
        for name, turns in turns_by_id.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_weights_are_loaded_on_the_nodes(cluster, weights, tmp_path):
    """The command line joins a cluster by its address, and real weights answer there or refuse."""
    turns = {"short": ["Hi", "Go on"], "long": ["Hi " * 999]}
    questions = _write_questions(tmp_path / "questions.jsonl", turns)
    command = _command(cluster, weights, questions, "models.vicuna-13b.sampling.max_tokens=8")

    subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    records = read_run(tmp_path / "results" / "r")
    assert [len(answer.turns) for answer in records.answers] == [2]
    assert [failure.reason for failure in records.failures] == ["context_length"]


def test_an_interrupt_ends_the_copies_and_keeps_their_answers(cluster, weights, tmp_path):
    """Ctrl-C once: exit code 130, what came is kept, the nodes are free, the same command goes on."""
    turns = {f"q{number}": [f"Say {number}."] for number in range(40)}
    questions = _write_questions(tmp_path / "questions.jsonl", turns)
    command = _command(
        cluster,
        weights,
        questions,
        "models.vicuna-13b.sampling.max_tokens=100",
        "engine.in_flight=2",
    )
    answers = tmp_path / "results/r/answers.jsonl"

    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (answers.is_file() and answers.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    kept = {answer.digest: answer for answer in read_run(answers.parent).answers}
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=400)

    after = {answer.digest: answer for answer in read_run(answers.parent).answers}
    assert process.returncode == 130, said
    assert 0 < len(kept) < 40
    assert finished.returncode == 0, finished.stderr
    assert len(after) == 40
    assert kept.items() <= after.items()
    assert len(answers.read_text().splitlines()) == 40
    _await_free(NODES)


def _await_free(cpus):
    """Return once no copy holds a processor; fails where one does for long."""
    deadline = time.monotonic() + 30
    while ray.available_resources().get("CPU", 0) < cpus:
        assert time.monotonic() < deadline
        time.sleep(0.1)
