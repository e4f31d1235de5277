"""Standard benchmarks of a run: what each model can take part in, and what is not there yet.

A benchmark of a model is kept whole the moment it is finished, and is not run again while nothing
changes that its figures depend on. Models that are the same in all that matters to a benchmark (the
same weights, asked without a chat template) share one result.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

from evalharness import backends, benchmarks
from evalharness.benchmark_plans import in_chat, key_of
from evalharness.domain import (
    Access,
    BenchmarkRequest,
    BenchmarkResult,
    Failure,
    Message,
    Role,
    Sampling,
    Stage,
)
from evalharness.errors import BackendError, PermanentError, RunStoppedError
from evalharness.store import benchmarks as store

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.benchmark_plans import Plan
    from evalharness.benchmarks import Measured, Prepared
    from evalharness.domain import Backend, Lender, ModelSpec, SuiteSpec
    from evalharness.store.run_folder import RunFolder
    from evalharness.watching import Progress

Made = TypeVar("Made")
_TOLD = 10  # times a benchmark
_log = logging.getLogger(__name__)


class Benchmarking:
    """The benchmarks of one run, as far as they are there."""

    def __init__(
        self,
        suite: SuiteSpec,
        planned: Plan,
        folder: RunFolder,
        progress: Progress,
        only: frozenset[str] | None = None,
    ) -> None:
        """Look at what is there.

        Args:
            suite: what is run.
            planned: what each model takes part in.
            folder: where results are kept at once.
            progress: is told what is done.
            only: runs nothing but what failed under these keys; None runs all that is missing.
        """
        self._suite = suite
        self._only = only
        self._planned = planned
        self._folder = folder
        self._progress = progress
        self._turn = threading.Lock()
        self._under_way: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._kept = {
            (each.model, each.suite, each.benchmark): each
            for each in store.read_results(folder.path)
        }

    def begin(self) -> None:
        """Tell how many results belong to this run, and count those that are there."""
        if self._planned.of:
            self._progress.expect(Stage.BENCHMARK, sum(map(len, self._planned.of.values())))
        for model in self._planned.models:
            for _ in range(len(self._planned.of[model.name]) - len(self._missing(model))):
                self._progress.advance(Stage.BENCHMARK, failed=False)
            self._average(model)

    def lacks(self, model: ModelSpec) -> bool:
        """Whether something is left to be asked of a model."""
        return bool(self._missing(model))

    async def run(self, model: ModelSpec, backend: Backend) -> None:
        """Run what is missing of a model; what cannot be had is a row in the folder's failures."""
        with suppress(RunStoppedError):
            await self._run(model, backend)

    async def _run(self, model: ModelSpec, backend: Backend) -> None:
        missing = self._missing(model)
        silent: BackendError | None = None
        if any(each.compares for each in missing) and backends.access(model) is Access.LOGPROBS:
            silent = await _probe(backend)
        for each in missing:
            key = key_of(model, each)
            async with self._under_way[key]:  # an equal model may be having it measured
                error = silent if each.compares else None
                if error is None and not self._there(model, each):
                    error = await self._measure(model, each, backend)
            if error is not None:
                self._folder.add_failure(_failure(model, each, key, error))
            self._progress.advance(Stage.BENCHMARK, failed=error is not None)
        self._average(model)

    def _write_scores(self) -> None:
        """Write all scores that are there into the run's `benchmarks.jsonl`."""
        ordered = sorted(self._kept.items())
        store.write_scores(
            self._folder.path, [score for _, result in ordered for score in result.scores]
        )

    def _missing(self, model: ModelSpec) -> list[Prepared]:
        """Return the benchmarks of a model that have no result yet."""
        planned = self._planned.of.get(model.name, ())
        missing = [each for each in planned if not self._there(model, each)]
        return [each for each in missing if self._only is None or key_of(model, each) in self._only]

    def _there(self, model: ModelSpec, prepared: Prepared) -> bool:
        """Whether a result is there; one of an equal model counts, and is copied."""
        place, key = self._place(model, prepared), key_of(model, prepared)
        kept = self._kept.get(place)
        if kept is not None and kept.digest == key:
            return True
        same = next((each for each in self._kept.values() if each.digest == key), None)
        if same is None:
            return False
        name, suite, benchmark = place
        self._kept[place] = store.copy_result(
            self._folder.path, same, model=name, suite=suite, benchmark=benchmark
        )
        return True

    async def _measure(
        self, model: ModelSpec, prepared: Prepared, backend: Backend
    ) -> BackendError | None:
        """Run one benchmark and keep its result; return what stood in the way."""
        key = key_of(model, prepared)
        watch = _Watch(f"{model.name}: {prepared.spec.name}")
        loop = asyncio.get_running_loop()
        task = benchmarks.Task(
            model=model,
            prepared=prepared,
            suite=self._suite.name,
            chat_template=in_chat(model, prepared),
            key=key,
            turn=self._turn,
            on_main=lambda work: _on_loop(loop, work),
            watch=watch,
        )
        try:
            measured = await _measured(task, backend, loop)
        except BackendError as error:
            return error
        finally:
            watch.stop()
        store.write_result(self._folder.path, measured.result, measured.samples)
        self._kept[self._place(model, prepared)] = measured.result
        self._folder.settle_failure(key)
        self._write_scores()
        return None

    def _average(self, model: ModelSpec) -> None:
        """Keep the mean over the suite, or forget it while a benchmark is missing."""
        members = [
            kept.scores[0]
            for each in self._planned.of.get(model.name, ())
            if (kept := self._kept.get(self._place(model, each))) is not None
            and kept.digest == key_of(model, each)
        ]
        mean = benchmarks.average(members, self._suite)
        place = (model.name, self._suite.name, self._suite.name)
        if mean is not None:
            self._kept[place] = BenchmarkResult(
                model=model.name,
                suite=self._suite.name,
                benchmark=self._suite.name,
                digest="",
                scores=(mean,),
            )
            store.write_result(self._folder.path, self._kept[place], ())
        elif place in self._kept and self._suite.average:
            store.remove_result(self._folder.path, self._kept.pop(place))
        if self._kept:
            self._write_scores()

    def _place(self, model: ModelSpec, prepared: Prepared) -> tuple[str, str, str]:
        return model.name, self._suite.name, prepared.spec.name


async def _probe(backend: Backend) -> BackendError | None:
    """Ask for one log probability; return what stands in the way of more."""
    prompt = "One, two, three,"
    request = BenchmarkRequest(
        messages=(Message(role=Role.USER, content=prompt),),
        prompt=prompt,
        sampling=Sampling(temperature=0.0, max_tokens=1),
        continuation=" four",
    )
    try:
        completion = await backend.complete(request)
    except BackendError as error:
        return error
    if completion.log_probability is None:
        msg = "the server does not tell the log probabilities of a prompt (echo with logprobs)"
        return PermanentError(msg, reason="no_logprobs")
    return None


async def _measured(
    task: benchmarks.Task, backend: Backend, loop: asyncio.AbstractEventLoop
) -> Measured:
    if backends.access(task.model) is Access.WEIGHTS:
        lender = cast("Lender", backend)
        return await lender.lend(lambda loaded: benchmarks.on_weights(task, loaded))
    return await _in_thread(lambda: benchmarks.on_endpoint(task, backend, loop))


async def _in_thread(work: Callable[[], Made]) -> Made:
    """Return what is made in a thread that nobody waits for when the run is interrupted."""
    made: Future[Made] = Future()

    def run() -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile
            try:
                made.set_result(work())
            except Exception as error:  # noqa: BLE001 - the thread's edge: whoever waits is told
                made.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(made)


def _on_loop(loop: asyncio.AbstractEventLoop, work: Callable[[], Made]) -> Made:
    """Return what `work` makes in the thread of the event loop, which is the main one."""
    made: Future[Made] = Future()

    def do() -> None:
        try:
            made.set_result(work())
        except Exception as error:  # noqa: BLE001 - the other thread's edge: it is told
            made.set_exception(error)

    loop.call_soon_threadsafe(do)
    return made.result()


class _Watch:
    """Says in the log how far a benchmark is, and ends one whose run was interrupted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._expected = 0
        self._done = 0
        self._stopped = threading.Event()

    def expect(self, requests: int) -> None:
        self._expected += requests
        _log.info("%s: %d requests", self._name, requests)

    def check(self) -> None:
        if self._stopped.is_set():
            msg = "interrupted"
            raise PermanentError(msg, reason="interrupted")

    def advance(self) -> None:
        self.check()
        before, self._done = self._done, self._done + 1
        all_of_it = max(self._expected, self._done)
        if _TOLD * self._done // all_of_it > _TOLD * before // all_of_it:
            _log.info("%s: %d of %d requests done", self._name, self._done, self._expected)

    def stop(self) -> None:
        """Let the benchmark end at its next step."""
        self._stopped.set()


def _failure(model: ModelSpec, prepared: Prepared, key: str, error: BackendError) -> Failure:
    return Failure(
        stage=Stage.BENCHMARK,
        key=key,
        model=model.name,
        question_id=prepared.spec.name,
        turn=None,
        reason=error.reason,
        detail=str(error),
        attempts=error.attempts,
    )
