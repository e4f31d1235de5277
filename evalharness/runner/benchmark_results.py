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

from evalharness.backends import find_benchmark_access
from evalharness.benchmarks import BenchmarkJob, average, measure_endpoint, measure_weights
from evalharness.domain import (
    BenchmarkRequest,
    BenchmarkResult,
    Failure,
    Message,
    ModelAccess,
    Role,
    RunStage,
    Sampling,
)
from evalharness.errors import BackendError, PermanentError, RunStoppedError
from evalharness.planner import benchmark_digest, uses_chat_template
from evalharness.store import (
    copy_benchmark_result,
    read_benchmark_results,
    remove_benchmark_result,
    write_benchmark_result,
    write_benchmark_scores,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.benchmarks import BenchmarkMeasurement, PreparedBenchmark
    from evalharness.domain import Backend, ModelLender, ModelSpec, SuiteSpec
    from evalharness.planner import BenchmarkPlan
    from evalharness.runner.progress import Progress
    from evalharness.store import RunFolder

ResultT = TypeVar("ResultT")
_LOG_LINES_PER_BENCHMARK = 10  # times a benchmark
_log = logging.getLogger(__name__)


class BenchmarkRunner:
    """The benchmarks of one run, as far as they are there."""

    def __init__(
        self,
        suite: SuiteSpec,
        planned: BenchmarkPlan,
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
            for each in read_benchmark_results(folder.path)
        }

    def begin(self) -> None:
        """Tell how many results belong to this run, and count those that are there."""
        if self._planned.of:
            self._progress.expect(RunStage.BENCHMARK, sum(map(len, self._planned.of.values())))
        for model in self._planned.models:
            for _ in range(len(self._planned.of[model.name]) - len(self._missing(model))):
                self._progress.advance(RunStage.BENCHMARK, failed=False)
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
        if (
            any(each.compares for each in missing)
            and find_benchmark_access(model) is ModelAccess.LOGPROBS
        ):
            silent = await _check_logprobs(backend)
        for each in missing:
            key = benchmark_digest(model, each)
            async with self._under_way[key]:  # an equal model may be having it measured
                error = silent if each.compares else None
                if error is None and not self._there(model, each):
                    error = await self._measure(model, each, backend)
            if error is not None:
                self._folder.add_failure(_failure_row(model, each, key, error))
            self._progress.advance(RunStage.BENCHMARK, failed=error is not None)
        self._average(model)

    def _write_scores(self) -> None:
        """Write all scores that are there into the run's `benchmarks.jsonl`."""
        ordered = sorted(self._kept.items())
        write_benchmark_scores(
            self._folder.path, [score for _, result in ordered for score in result.scores]
        )

    def _missing(self, model: ModelSpec) -> list[PreparedBenchmark]:
        """Return the benchmarks of a model that have no result yet."""
        planned = self._planned.of.get(model.name, ())
        missing = [each for each in planned if not self._there(model, each)]
        return [
            each
            for each in missing
            if self._only is None or benchmark_digest(model, each) in self._only
        ]

    def _there(self, model: ModelSpec, prepared: PreparedBenchmark) -> bool:
        """Whether a result is there; one of an equal model counts, and is copied."""
        place, key = self._place(model, prepared), benchmark_digest(model, prepared)
        kept = self._kept.get(place)
        if kept is not None and kept.digest == key:
            return True
        same = next((each for each in self._kept.values() if each.digest == key), None)
        if same is None:
            return False
        name, suite, benchmark = place
        self._kept[place] = copy_benchmark_result(
            self._folder.path, same, model=name, suite=suite, benchmark=benchmark
        )
        return True

    async def _measure(
        self, model: ModelSpec, prepared: PreparedBenchmark, backend: Backend
    ) -> BackendError | None:
        """Run one benchmark and keep its result; return what stood in the way."""
        key = benchmark_digest(model, prepared)
        watch = _BenchmarkProgress(f"{model.name}: {prepared.spec.name}")
        loop = asyncio.get_running_loop()
        task = BenchmarkJob(
            model=model,
            prepared=prepared,
            suite=self._suite.name,
            chat_template=uses_chat_template(model, prepared),
            key=key,
            turn=self._turn,
            on_main=lambda work: _run_on_loop(loop, work),
            watch=watch,
        )
        try:
            measured = await _evaluate(task, backend, loop)
        except BackendError as error:
            return error
        finally:
            watch.stop()
        write_benchmark_result(self._folder.path, measured.result, measured.samples)
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
            and kept.digest == benchmark_digest(model, each)
        ]
        mean = average(members, self._suite)
        place = (model.name, self._suite.name, self._suite.name)
        if mean is not None:
            self._kept[place] = BenchmarkResult(
                model=model.name,
                suite=self._suite.name,
                benchmark=self._suite.name,
                digest="",
                scores=(mean,),
            )
            write_benchmark_result(self._folder.path, self._kept[place], ())
        elif place in self._kept and self._suite.average:
            remove_benchmark_result(self._folder.path, self._kept.pop(place))
        if self._kept:
            self._write_scores()

    def _place(self, model: ModelSpec, prepared: PreparedBenchmark) -> tuple[str, str, str]:
        return model.name, self._suite.name, prepared.spec.name


async def _check_logprobs(backend: Backend) -> BackendError | None:
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


async def _evaluate(
    task: BenchmarkJob, backend: Backend, loop: asyncio.AbstractEventLoop
) -> BenchmarkMeasurement:
    if find_benchmark_access(task.model) is ModelAccess.WEIGHTS:
        lender = cast("ModelLender", backend)
        return await lender.lend(lambda loaded: measure_weights(task, loaded))
    return await _run_in_thread(lambda: measure_endpoint(task, backend, loop))


async def _run_in_thread(work: Callable[[], ResultT]) -> ResultT:
    """Return what is made in a thread that nobody waits for when the run is interrupted."""
    made: Future[ResultT] = Future()

    def run() -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile
            try:
                made.set_result(work())
            except Exception as error:  # noqa: BLE001 - the thread's edge: whoever waits is told
                made.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(made)


def _run_on_loop(loop: asyncio.AbstractEventLoop, work: Callable[[], ResultT]) -> ResultT:
    """Return what `work` makes in the thread of the event loop, which is the main one."""
    made: Future[ResultT] = Future()

    def do() -> None:
        try:
            made.set_result(work())
        except Exception as error:  # noqa: BLE001 - the other thread's edge: it is told
            made.set_exception(error)

    loop.call_soon_threadsafe(do)
    return made.result()


class _BenchmarkProgress:
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
        if (
            _LOG_LINES_PER_BENCHMARK * self._done // all_of_it
            > _LOG_LINES_PER_BENCHMARK * before // all_of_it
        ):
            _log.info("%s: %d of %d requests done", self._name, self._done, self._expected)

    def stop(self) -> None:
        """Let the benchmark end at its next step."""
        self._stopped.set()


def _failure_row(
    model: ModelSpec, prepared: PreparedBenchmark, key: str, error: BackendError
) -> Failure:
    return Failure(
        stage=RunStage.BENCHMARK,
        key=key,
        model=model.name,
        question_id=prepared.spec.name,
        turn=None,
        reason=error.reason,
        detail=str(error),
        attempts=error.attempts,
    )
