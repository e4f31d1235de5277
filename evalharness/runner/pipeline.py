"""A run: every answer and judgment that is missing, overlapping where nothing depends on it.

Models behind endpoints are asked all at once. Models that take this machine's memory are loaded one
after another; a judge that does so comes last. A judgment starts when its answers are there.
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
    uses_adaptive_pairs,
)
from evalharness.planner import NO_BENCHMARKS, BenchmarkPlan
from evalharness.runner.adaptive import judge_pairs_adaptively
from evalharness.runner.answer import answer_digest, answer_question
from evalharness.runner.benchmark_results import BenchmarkRunner
from evalharness.runner.judgment import request_judgment
from evalharness.runner.load_order import LoadStep, plan_load_steps
from evalharness.runner.progress import NoProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
    from typing import Any

    from evalharness.domain import (
        Answer,
        Backend,
        JudgeSpec,
        Judgment,
        ModelSpec,
        Question,
        RunSpec,
    )
    from evalharness.store import RunFolder

    _JudgmentWork = Coroutine[Any, Any, Judgment | None]

_TASKS_PER_LOOP_TURN = 20


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
    """Add to the folder what is missing in it.

    What cannot be had is a row in the folder's failures, and is asked for again by the next run.

    Args:
        spec: what to run.
        folder: where everything is kept at once.
        stages: without `Stage.ANSWER` only the answers that are there are judged.
        connect: makes a backend of a model.
        progress: is told what is done.
        only_failed: asks for nothing but the folder's failures and what waited for them.
        benchmarks: what is run with `Stage.BENCHMARK`.
        models_at_once: how many of the models that take memory are in it at the same time.
    """
    told = progress or NoProgress()
    only = frozenset(folder.failures) if only_failed else None
    planned = benchmarks if benchmarks and RunStage.BENCHMARK in stages else NO_BENCHMARKS
    measuring = BenchmarkRunner(spec.suite, planned, folder, told, only)
    await _PipelineRun(spec, folder, connect, told, only, measuring, models_at_once).work(stages)


class _PipelineRun:
    """The futures of one run."""

    def __init__(
        self,
        spec: RunSpec,
        folder: RunFolder,
        connect: Callable[[ModelSpec], Backend],
        progress: Progress,
        only: frozenset[str] | None,
        measuring: BenchmarkRunner,
        models_at_once: int,
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._connect = connect
        self._progress = progress
        self._only = only
        self._measuring = measuring
        self._models_at_once = models_at_once
        self._is_stopped = False
        self._questions = {question.question_id: question for question in spec.questions}
        self._answers: dict[tuple[str, str, int], asyncio.Future[Answer | None]] = {}

    async def work(self, stages: Sequence[RunStage]) -> None:
        spec, self._asks = self._spec, RunStage.ANSWER in stages
        self._await_answers(from_folder=not self._asks)
        if self._asks:
            self._progress.expect(RunStage.ANSWER, len(self._answers))
        if RunStage.JUDGE in stages:
            calls = sum(len(list_showings(spec, judge)) for judge in spec.judges)
            if uses_adaptive_pairs(spec):
                calls -= sum(count_calls_beyond_budget(spec, judge) for judge in spec.judges)
                self._progress.expect(RunStage.JUDGE, calls, at_most=True)
            else:
                self._progress.expect(RunStage.JUDGE, calls)
        self._measuring.begin()
        models = [each for each in spec.models if self._asks or self._measuring.lacks(each)]
        judges = spec.judges if RunStage.JUDGE in stages else ()
        live = [each for each in judges if not each.model.batch]
        at_once, one_by_one = plan_load_steps(models, live)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take(at_once))
            tasks.create_task(self._take_in_turn(one_by_one))
        # Only now that all answers are there: what is asked together becomes one batch.
        await self._take(LoadStep([], [each for each in judges if each.model.batch]))

    def _await_answers(self, *, from_folder: bool) -> None:
        """Make a future for every answer, done at once when only the folder is looked at."""
        spec, loop = self._spec, asyncio.get_running_loop()
        for model, question, sample in product(
            spec.models, spec.questions, range(spec.judging.samples)
        ):
            future = loop.create_future()
            self._answers[model.name, question.question_id, sample] = future
            if from_folder:
                key = answer_digest(model, question, sample, spec.seed)
                future.set_result(self._folder.answers.get(key))

    async def _take_in_turn(self, plan: Sequence[LoadStep]) -> None:
        """Take the steps in their order, so many at the same time as memory is counted for."""
        steps = iter(plan)

        async def take_next() -> None:
            for step in steps:
                await self._take(step)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._models_at_once):
                tasks.create_task(take_next())

    async def _take(self, step: LoadStep) -> None:
        """Do all the work of a step's models and judges, and let them go.

        One that cannot be connected fails in every call, and alone.
        """
        connected: list[Backend] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                models = [(model, self._reach(model)) for model in step.models]
                connected += (backend for _, backend in models)
                if self._asks:
                    await _start_tasks(tasks, self._answers_of(models))
                await _start_tasks(tasks, starmap(self._measuring.run, models))
                for judge in step.judges:
                    backend = self._reach(judge.model)
                    connected.append(backend)
                    await _start_tasks(tasks, self._judgments_of(judge, backend))
        finally:
            for backend in connected:
                await backend.close()

    def _reach(self, spec: ModelSpec) -> Backend:
        """Return a model that is connected when it is first asked, if it ever is."""
        return LazyBackend(partial(self._connect, spec))

    def _answers_of(self, models: Sequence[tuple[ModelSpec, Backend]]) -> Iterator[_JudgmentWork]:
        """Yield question by question, so that those answered by all can be judged early."""
        samples = range(self._spec.judging.samples)
        for question, sample, (model, backend) in product(self._spec.questions, samples, models):
            yield self._answer(model, backend, question, sample)

    async def _answer(
        self, model: ModelSpec, backend: Backend, question: Question, sample: int
    ) -> None:
        folder, seed = self._folder, self._spec.seed
        key = answer_digest(model, question, sample, seed)
        answered = self._answers[model.name, question.question_id, sample]
        failed = False
        try:
            if self._is_wanted(key):
                await answer_question(
                    question,
                    model,
                    backend,
                    sample=sample,
                    seed=seed,
                    begun=folder.answers.get(key),
                    keep=folder.add_answer,
                )
                folder.settle_failure(key)
        except RunStoppedError:
            self._is_stopped = True
            answered.cancel()  # and with it the judgments that wait for it
            return
        except BackendError as error:
            failed = True
            begun = folder.answers.get(key)
            turn = len(begun.turns) + 1 if begun else 1
            folder.add_failure(
                _failure_row(RunStage.ANSWER, key, model.name, question.question_id, turn, error)
            )
        answered.set_result(folder.answers.get(key))
        self._progress.advance(RunStage.ANSWER, failed=failed)

    def _is_wanted(self, *keys: str) -> bool:
        """Whether something is to be asked, by its own key or that of what it waited for."""
        return self._only is None or not self._only.isdisjoint(keys)

    def _judgments_of(self, judge: JudgeSpec, backend: Backend) -> Iterator[_JudgmentWork]:
        is_adaptive = uses_adaptive_pairs(self._spec)
        for task, models in list_showings(self._spec, judge):
            if not (is_adaptive and isinstance(task, PairTask)):
                yield self._judge(judge, backend, task, models)
        if is_adaptive:
            yield self._adapt(judge, backend)

    async def _adapt(self, judge: JudgeSpec, backend: Backend) -> None:
        """Have pairs judged that are chosen from the judgments before."""
        play = partial(self._judge, judge, backend)
        spared = await judge_pairs_adaptively(
            self._spec, judge, play, goes_on=lambda: not self._is_stopped
        )
        self._progress.spare(RunStage.JUDGE, spared)

    async def _judge(
        self,
        judge: JudgeSpec,
        backend: Backend,
        task: GradedTask | PairTask,
        models: tuple[str, ...],
    ) -> Judgment | None:
        """Return the judgment, kept in the folder; None when it cannot be had now."""
        question_id, turn, sample = task.question_id, task.turn, task.sample
        answers = [
            await asyncio.shield(self._answers[model, question_id, sample]) for model in models
        ]
        shown = tuple(answer for answer in answers if answer and len(answer.turns) >= turn)
        if len(shown) < len(models):
            # The missing answer is a failure of its own; there is nothing to show a judge.
            self._progress.advance(RunStage.JUDGE, failed=True)
            return None
        showing = JudgmentRequest(
            judge=judge, question=self._questions[question_id], turn=turn, answers=shown
        )
        key = showing.digest()
        failed = False
        wanted = self._is_wanted(key, *(answer.digest for answer in shown))
        if wanted and key not in self._folder.judgments:
            try:
                self._folder.add_judgment(await request_judgment(showing, backend))
            except RunStoppedError:
                self._is_stopped = True
                return None
            except BackendError as error:
                failed = True
                self._folder.add_failure(
                    _failure_row(RunStage.JUDGE, key, judge.name, question_id, turn, error)
                )
        self._progress.advance(RunStage.JUDGE, failed=failed)
        return self._folder.judgments.get(key)


async def _start_tasks(tasks: asyncio.TaskGroup, works: Iterable[_JudgmentWork]) -> None:
    """Start the works a few at a time: the first calls go out while the last are still made."""
    for number, work in enumerate(works, start=1):
        tasks.create_task(work)
        if number % _TASKS_PER_LOOP_TURN == 0:
            await asyncio.sleep(0)


def _failure_row(
    stage: RunStage, key: str, model: str, question_id: str, turn: int, error: BackendError
) -> Failure:
    return Failure(
        stage=stage,
        key=key,
        model=model,
        question_id=question_id,
        turn=turn,
        reason=error.reason,
        detail=str(error),
        attempts=error.attempts,
    )
