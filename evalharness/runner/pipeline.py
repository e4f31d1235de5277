"""Request every answer and judgment that a run's folder lacks, as concurrently as possible.

Models behind endpoints are called all at the same time. Models that take this machine's memory are
loaded one after another, judges last. A judgment starts as soon as its answers exist.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import product, starmap
from typing import TYPE_CHECKING

from evalharness.backends import LazyBackend, find_backend
from evalharness.domain import Failure, RunStage
from evalharness.errors import BackendError, RunStoppedError
from evalharness.judge import (
    GradedTask,
    JudgmentRequest,
    PairTask,
    count_calls_beyond_budget,
    list_showings,
    order_questions,
    uses_adaptive_pairs,
)
from evalharness.planner import NO_BENCHMARKS, BenchmarkPlan
from evalharness.runner.adaptive import judge_pairs_adaptively
from evalharness.runner.answer import answer_question
from evalharness.runner.answer_futures import AnswerFutures
from evalharness.runner.benchmark_results import BenchmarkRunner
from evalharness.runner.calls.load_order import LoadStep, plan_load_steps
from evalharness.runner.judgment import request_judgment
from evalharness.runner.progress import NoProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
    from typing import Any

    from evalharness.domain import (
        Backend,
        JudgeSpec,
        Judgment,
        ModelSpec,
        Question,
        RunSpec,
    )
    from evalharness.store import RunFolder

    _Work = Coroutine[Any, Any, Any]

_TASKS_PER_LOOP_TURN = 20
"""Tasks that are created before those already created may run."""


def connect_model(spec: ModelSpec) -> Backend:
    """Return the configured backend of a model."""
    return find_backend(spec.backend).connect(spec)


async def run_pipeline(
    spec: RunSpec,
    folder: RunFolder,
    *,
    stages: Sequence[RunStage] = (RunStage.ANSWER, RunStage.JUDGE),
    connect: Callable[[ModelSpec], Backend] = connect_model,
    progress: Progress | None = None,
    only_failed: bool = False,
    benchmarks: BenchmarkPlan | None = None,
    models_at_once: int = 1,
) -> None:
    """Add the missing results to the folder.

    A call that fails becomes a row in the folder's failures; the next run repeats it.

    Args:
        spec: what to run.
        folder: the run's folder; every result is written as soon as it exists.
        stages: the stages to complete; without `RunStage.ANSWER`, only existing answers are judged.
        connect: returns the backend of a model.
        progress: is notified of every result.
        only_failed: whether to repeat only the folder's failures, and the calls that depended on them.
        benchmarks: the benchmarks of `RunStage.BENCHMARK`.
        models_at_once: how many of the models that take memory are loaded at the same time.
    """
    progress = progress or NoProgress()
    retried = frozenset(folder.failures) if only_failed else None
    plan = benchmarks if benchmarks and RunStage.BENCHMARK in stages else NO_BENCHMARKS
    benchmark_runner = BenchmarkRunner(spec.suite, plan, folder, progress, retried)
    run = _PipelineRun(spec, folder, connect, progress, retried, benchmark_runner)
    await run.complete(stages, models_at_once)


class _PipelineRun:
    """One pass over a run: a future for each answer, and tasks that fill them or wait for them."""

    def __init__(
        self,
        spec: RunSpec,
        folder: RunFolder,
        connect: Callable[[ModelSpec], Backend],
        progress: Progress,
        retried: frozenset[str] | None,
        benchmarks: BenchmarkRunner,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._connect = connect
        self._progress = progress
        self._retried = retried
        self._benchmarks = benchmarks
        self._requests_answers = False
        self._is_stopped = False
        self._questions = {question.question_id: question for question in spec.questions}
        self._answers = AnswerFutures(spec)

    async def complete(self, stages: Sequence[RunStage], models_at_once: int) -> None:
        """Complete the stages."""
        self._requests_answers = RunStage.ANSWER in stages
        judges = self._spec.judges if RunStage.JUDGE in stages else ()
        if not self._requests_answers:
            self._answers.resolve_all(self._folder.answers)
        self._announce_calls(judges)
        self._benchmarks.announce()
        models = [
            model
            for model in self._spec.models
            if self._requests_answers or self._benchmarks.has_missing(model)
        ]
        live = [judge for judge in judges if not judge.model.batch]
        concurrent, sequential = plan_load_steps(models, live)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_step(concurrent))
            tasks.create_task(self._run_in_order(sequential, models_at_once))
        # Batch judges come after all answers, so that their requests form one batch.
        await self._run_step(LoadStep([], [judge for judge in judges if judge.model.batch]))

    def _announce_calls(self, judges: Sequence[JudgeSpec]) -> None:
        spec = self._spec
        if self._requests_answers:
            self._progress.expect(RunStage.ANSWER, len(self._answers))
        if not judges:
            return
        calls = sum(len(list_showings(spec, judge)) for judge in judges)
        is_adaptive = uses_adaptive_pairs(spec)
        if is_adaptive:
            calls -= sum(count_calls_beyond_budget(spec, judge) for judge in judges)
        self._progress.expect(RunStage.JUDGE, calls, at_most=is_adaptive)

    async def _run_in_order(self, steps: Sequence[LoadStep], at_once: int) -> None:
        """Run the steps in their order, `at_once` of them at the same time."""
        remaining = iter(steps)

        async def run_next() -> None:
            for step in remaining:
                await self._run_step(step)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(run_next())

    async def _run_step(self, step: LoadStep) -> None:
        """Do all the work of a step's models and judges, then close them.

        If one cannot be connected, all its calls fail; the others are not affected.
        """
        connected: list[Backend] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                models = [(model, self._connect_lazily(model)) for model in step.models]
                connected += (backend for _, backend in models)
                if self._requests_answers:
                    await _start_tasks(tasks, self._answer_tasks(models))
                await _start_tasks(tasks, starmap(self._benchmarks.run, models))
                for judge in step.judges:
                    backend = self._connect_lazily(judge.model)
                    connected.append(backend)
                    await _start_tasks(tasks, self._judgment_tasks(judge, backend))
        finally:
            for backend in connected:
                await backend.close()

    def _connect_lazily(self, spec: ModelSpec) -> Backend:
        return LazyBackend(partial(self._connect, spec))

    def _answer_tasks(self, models: Sequence[tuple[ModelSpec, Backend]]) -> Iterator[_Work]:
        """Yield the tasks question by question, so that questions are judged early."""
        spec = self._spec
        places = product(order_questions(spec.questions, spec.seed), range(spec.judging.samples))
        for (question, sample), (model, backend) in product(places, models):
            yield self._answer(model, backend, question, sample)

    async def _answer(
        self, model: ModelSpec, backend: Backend, question: Question, sample: int
    ) -> None:
        """Request an answer and resolve its future; None or an unfinished answer if it failed."""
        folder, failed = self._folder, False
        key = self._answers.key(model, question, sample)
        try:
            if self._is_requested(key):
                await answer_question(
                    question,
                    model,
                    backend,
                    sample=sample,
                    seed=self._spec.seed,
                    begun=folder.answers.get(key),
                    keep=folder.add_answer,
                )
                folder.drop_failure(key)
        except RunStoppedError:
            self._is_stopped = True
            self._answers.cancel(model, question, sample)
            return
        except BackendError as error:
            failed = True
            begun = folder.answers.get(key)
            self._add_failure(
                error,
                stage=RunStage.ANSWER,
                key=key,
                model=model.name,
                question_id=question.question_id,
                turn=len(begun.turns) + 1 if begun else 1,
            )
        self._answers.resolve(model, question, sample, folder.answers.get(key))
        self._progress.advance(RunStage.ANSWER, failed=failed)

    def _is_requested(self, *keys: str) -> bool:
        """Return whether to make a call, given its own key and the keys of the calls that it depends on."""
        return self._retried is None or not self._retried.isdisjoint(keys)

    def _judgment_tasks(self, judge: JudgeSpec, backend: Backend) -> Iterator[_Work]:
        is_adaptive = uses_adaptive_pairs(self._spec)
        for task, models in list_showings(self._spec, judge):
            if not (is_adaptive and isinstance(task, PairTask)):
                yield self._judge(judge, backend, task, models)
        if is_adaptive:
            yield self._judge_adaptively(judge, backend)

    async def _judge_adaptively(self, judge: JudgeSpec, backend: Backend) -> None:
        """Judge pairs that are chosen from the earlier judgments."""
        saved_calls = await judge_pairs_adaptively(
            self._spec,
            judge,
            partial(self._judge, judge, backend),
            may_continue=lambda: not self._is_stopped,
        )
        self._progress.skip(RunStage.JUDGE, saved_calls)

    async def _judge(
        self,
        judge: JudgeSpec,
        backend: Backend,
        task: GradedTask | PairTask,
        models: tuple[str, ...],
    ) -> Judgment | None:
        """Return the judgment, which the folder then holds; None if it cannot be made now."""
        shown = await self._answers.wait(task, models)
        if len(shown) < len(models):
            # The missing answer has a failure row of its own.
            self._progress.advance(RunStage.JUDGE, failed=True)
            return None
        request = JudgmentRequest(
            judge=judge,
            question=self._questions[task.question_id],
            turn=task.turn,
            answers=shown,
        )
        key = request.digest()
        is_requested = self._is_requested(key, *(answer.digest for answer in shown))
        failed = False
        if is_requested and key not in self._folder.judgments:
            try:
                self._folder.add_judgment(await request_judgment(request, backend))
            except RunStoppedError:
                self._is_stopped = True
                return None
            except BackendError as error:
                failed = True
                self._add_failure(
                    error,
                    stage=RunStage.JUDGE,
                    key=key,
                    model=judge.name,
                    question_id=task.question_id,
                    turn=task.turn,
                )
        self._progress.advance(RunStage.JUDGE, failed=failed)
        return self._folder.judgments.get(key)

    def _add_failure(self, error: BackendError, **fields: Any) -> None:
        self._folder.add_failure(Failure.from_error(error, **fields))


async def _start_tasks(tasks: asyncio.TaskGroup, works: Iterable[_Work]) -> None:
    """Create tasks a few at a time: the first calls start while later tasks are created."""
    for number, work in enumerate(works, start=1):
        tasks.create_task(work)
        if number % _TASKS_PER_LOOP_TURN == 0:
            await asyncio.sleep(0)
