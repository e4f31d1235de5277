"""Run the standard benchmarks that a run's folder lacks, and keep their results.

The result of a benchmark is written as soon as it is finished, and is not computed again while
its inputs stay the same. Models with the same inputs (the same weights, prompted without a chat
template) share one result.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from evalharness.backends import find_benchmark_access
from evalharness.benchmarks import BenchmarkJob, average_suite, measure_endpoint, measure_weights
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
from evalharness.runner.calls.worker_threads import run_in_thread, run_on_loop
from evalharness.store import (
    copy_benchmark_result,
    read_benchmark_results,
    remove_benchmark_result,
    write_benchmark_result,
    write_benchmark_scores,
)

if TYPE_CHECKING:
    from evalharness.benchmarks import BenchmarkMeasurement, PreparedBenchmark
    from evalharness.domain import Backend, ModelLender, ModelSpec, SuiteSpec
    from evalharness.planner import BenchmarkPlan
    from evalharness.runner.progress import Progress
    from evalharness.store import RunFolder

_LOG_LINES_PER_BENCHMARK = 10
_log = logging.getLogger(__name__)


class BenchmarkRunner:
    """The benchmarks of one run, and the results that its folder holds."""

    def __init__(
        self,
        suite: SuiteSpec,
        plan: BenchmarkPlan,
        folder: RunFolder,
        progress: Progress,
        retried: frozenset[str] | None = None,
    ) -> None:
        """Read the results that exist.

        Args:
            suite: the benchmarks.
            plan: the benchmarks that each model takes part in.
            folder: the run's folder.
            progress: is notified of every result.
            retried: the keys of the failures to repeat; None runs all that is missing.
        """
        self._suite = suite
        self._retried = retried
        self._plan = plan
        self._folder = folder
        self._progress = progress
        self._lm_eval_lock = threading.Lock()
        self._locks_by_key: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._results = {
            (result.model, result.suite, result.benchmark): result
            for result in read_benchmark_results(folder.path)
        }

    def announce(self) -> None:
        """Announce the number of results in this run, and report those that exist."""
        if self._plan.by_model:
            self._progress.expect(RunStage.BENCHMARK, sum(map(len, self._plan.by_model.values())))
        for model in self._plan.models:
            for _ in range(len(self._plan.by_model[model.name]) - len(self._list_missing(model))):
                self._progress.advance(RunStage.BENCHMARK, failed=False)
            self._update_average(model)

    def has_missing(self, model: ModelSpec) -> bool:
        """Return whether a model lacks results."""
        return bool(self._list_missing(model))

    async def run(self, model: ModelSpec, backend: Backend) -> None:
        """Run the benchmarks that a model lacks; failures become rows in the folder."""
        with suppress(RunStoppedError):
            await self._run(model, backend)

    async def _run(self, model: ModelSpec, backend: Backend) -> None:
        missing = self._list_missing(model)
        no_logprobs: BackendError | None = None
        if (
            any(prepared.compares for prepared in missing)
            and find_benchmark_access(model) is ModelAccess.LOGPROBS
        ):
            no_logprobs = await _check_logprobs(backend)
        for prepared in missing:
            key = benchmark_digest(model, prepared)
            async with self._locks_by_key[key]:  # an equal model may be measured at this moment
                error = no_logprobs if prepared.compares else None
                if error is None and not self._has_result(model, prepared):
                    error = await self._measure(model, prepared, backend)
            if error is not None:
                self._add_failure(error, model, prepared, key)
            self._progress.advance(RunStage.BENCHMARK, failed=error is not None)
        self._update_average(model)

    def _write_scores(self) -> None:
        """Write all scores into the run's `benchmarks.jsonl`."""
        ordered = sorted(self._results.items())
        write_benchmark_scores(
            self._folder.path, [score for _, result in ordered for score in result.scores]
        )

    def _list_missing(self, model: ModelSpec) -> list[PreparedBenchmark]:
        """Return the benchmarks of a model that have no result and are to be run."""
        return [
            prepared
            for prepared in self._plan.by_model.get(model.name, ())
            if not self._has_result(model, prepared)
            and (self._retried is None or benchmark_digest(model, prepared) in self._retried)
        ]

    def _has_result(self, model: ModelSpec, prepared: PreparedBenchmark) -> bool:
        """Return whether a result exists; the result of an equal model is copied."""
        place, key = self._place(model, prepared), benchmark_digest(model, prepared)
        result = self._results.get(place)
        if result is not None and result.digest == key:
            return True
        equal = next((each for each in self._results.values() if each.digest == key), None)
        if equal is None:
            return False
        name, suite, benchmark = place
        self._results[place] = copy_benchmark_result(
            self._folder.path, equal, model=name, suite=suite, benchmark=benchmark
        )
        return True

    async def _measure(
        self, model: ModelSpec, prepared: PreparedBenchmark, backend: Backend
    ) -> BackendError | None:
        """Run one benchmark and write its result; return the error if it failed."""
        key = benchmark_digest(model, prepared)
        progress = _LoggedProgress(f"{model.name}: {prepared.spec.name}")
        loop = asyncio.get_running_loop()
        job = BenchmarkJob(
            model=model,
            prepared=prepared,
            suite=self._suite.name,
            chat_template=uses_chat_template(model, prepared),
            key=key,
            lm_eval_lock=self._lm_eval_lock,
            run_on_main=lambda work: run_on_loop(loop, work),
            progress=progress,
        )
        try:
            measured = await _evaluate(job, backend, loop)
        except BackendError as error:
            return error
        finally:
            progress.stop()
        write_benchmark_result(self._folder.path, measured.result, measured.samples)
        self._results[self._place(model, prepared)] = measured.result
        self._folder.drop_failure(key)
        self._write_scores()
        return None

    def _update_average(self, model: ModelSpec) -> None:
        """Write the mean over the suite, or remove it while a benchmark is missing."""
        members = [
            result.scores[0]
            for prepared in self._plan.by_model.get(model.name, ())
            if (result := self._results.get(self._place(model, prepared))) is not None
            and result.digest == benchmark_digest(model, prepared)
        ]
        mean = average_suite(members, self._suite)
        place = (model.name, self._suite.name, self._suite.name)
        if mean is not None:
            self._results[place] = BenchmarkResult(
                model=model.name,
                suite=self._suite.name,
                benchmark=self._suite.name,
                digest="",
                scores=(mean,),
            )
            write_benchmark_result(self._folder.path, self._results[place], ())
        elif place in self._results and self._suite.average:
            remove_benchmark_result(self._folder.path, self._results.pop(place))
        if self._results:
            self._write_scores()

    def _place(self, model: ModelSpec, prepared: PreparedBenchmark) -> tuple[str, str, str]:
        return model.name, self._suite.name, prepared.spec.name

    def _add_failure(
        self, error: BackendError, model: ModelSpec, prepared: PreparedBenchmark, key: str
    ) -> None:
        self._folder.add_failure(
            Failure.from_error(
                error,
                stage=RunStage.BENCHMARK,
                key=key,
                model=model.name,
                question_id=prepared.spec.name,
                turn=None,
            )
        )


async def _check_logprobs(backend: Backend) -> BackendError | None:
    """Request one log probability; return the error if the backend returns none."""
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
    job: BenchmarkJob, backend: Backend, loop: asyncio.AbstractEventLoop
) -> BenchmarkMeasurement:
    if find_benchmark_access(job.model) is ModelAccess.WEIGHTS:
        lender = cast("ModelLender", backend)
        return await lender.lend(lambda loaded: measure_weights(job, loaded))
    return await run_in_thread(lambda: measure_endpoint(job, backend, loop))


class _LoggedProgress:
    """Logs the progress of a benchmark, and ends it at its next step once `stop` is called."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._expected = 0
        self._done = 0
        self._stopped = threading.Event()

    def expect(self, requests: int) -> None:
        self._expected += requests
        _log.info("%s: %d requests", self._name, requests)

    def raise_if_stopped(self) -> None:
        if self._stopped.is_set():
            msg = "interrupted"
            raise PermanentError(msg, reason="interrupted")

    def advance(self) -> None:
        self.raise_if_stopped()
        before, self._done = self._done, self._done + 1
        total = max(self._expected, self._done)
        lines_before = _LOG_LINES_PER_BENCHMARK * before // total
        if _LOG_LINES_PER_BENCHMARK * self._done // total > lines_before:
            _log.info("%s: %d of %d requests done", self._name, self._done, self._expected)

    def stop(self) -> None:
        self._stopped.set()
