"""Standard benchmarks, run by lm-eval, which is imported nowhere else.

`prepare` finds tasks and data and refuses what is wrong, quickly and without importing lm-eval;
`on_weights` and `on_endpoint` then run one benchmark on one model.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain import BenchmarkResult, Usage, compute_digest
from evalharness.errors import BackendError, EvalHarnessError, PermanentError, RunStoppedError

if TYPE_CHECKING:
    import asyncio
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalharness.benchmarks.preparation import (
        PreparedBenchmark,
    )
    from evalharness.benchmarks.progress import BenchmarkProgress
    from evalharness.domain import Backend, LoadedModel, ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkJob:
    """One benchmark on one model.

    Attributes:
        chat_template: whether prompts go through the model's template.
        key: the digest of all that the result depends on.
        turn: is held while lm-eval works: it seeds the process's random numbers.
        on_main: runs a function in the main thread.
        watch: is told how many requests there are, and of each that is done.
    """

    model: ModelSpec
    prepared: PreparedBenchmark
    suite: str
    chat_template: bool
    key: str
    turn: threading.Lock
    on_main: Callable[[Callable[[], Any]], Any]
    watch: BenchmarkProgress


@dataclass(frozen=True, slots=True)
class BenchmarkMeasurement:
    """A result, and lm-eval's record of every example."""

    result: BenchmarkResult
    samples: Sequence[Mapping[str, Any]]


def measure_weights(task: BenchmarkJob, loaded: LoadedModel) -> BenchmarkMeasurement:
    """Return what a benchmark finds of a loaded model.

    Raises:
        BackendError: it could not be run.
    """
    with task.turn:
        try:
            from evalharness.benchmarks.evaluation import silence_lm_eval
            from evalharness.benchmarks.local_lm import LocalLM

            size = task.prepared.batch_size
            with silence_lm_eval(), _interruptible(loaded.module, task.watch):
                lm = LocalLM(task.model, loaded, batch_size=size, watch=task.watch)
                return _measure(task, lm, lambda: {"batch_sizes": sorted(set(lm.used_sizes))})
        except Exception as error:  # whatever lm-eval, a task or a data set raises
            raise _explained(error) from error


def measure_endpoint(
    task: BenchmarkJob, backend: Backend, loop: asyncio.AbstractEventLoop
) -> BenchmarkMeasurement:
    """Return what a benchmark finds of a model behind an endpoint; for a thread of its own.

    Raises:
        BackendError: it could not be run.
    """
    with task.turn:
        try:
            from evalharness.benchmarks.endpoint_lm import EndpointLM
            from evalharness.benchmarks.evaluation import silence_lm_eval

            lm = EndpointLM(
                task.model,
                backend,
                loop,
                in_chat=task.chat_template,
                turn=task.turn,
                watch=task.watch,
            )
            with silence_lm_eval():
                return _measure(task, lm, lambda: _spent(lm.usage, lm.calls, lm.empty))
        except Exception as error:  # whatever lm-eval, a task or a data set raises
            raise _explained(error) from error


@contextmanager
def _interruptible(module: Any, watch: BenchmarkProgress) -> Iterator[None]:
    """Let every step of a model look whether the benchmark is still wanted.

    A reply of many tokens is one call of lm-eval's; a process that ends amid it would crash.
    """
    hook = module.register_forward_pre_hook(lambda *_: watch.check())
    try:
        yield
    finally:
        hook.remove()


def _measure(
    task: BenchmarkJob, lm: Any, tell: Callable[[], dict[str, Any]]
) -> BenchmarkMeasurement:
    from evalharness.benchmarks.evaluation import evaluate, plain
    from evalharness.benchmarks.scores import scores

    began = time.perf_counter()
    found = evaluate(lm, task.prepared, chat_template=task.chat_template, on_main=task.on_main)
    results = plain(found.results)
    result = BenchmarkResult(
        model=task.model.name,
        suite=task.suite,
        benchmark=task.prepared.spec.name,
        digest=task.key,
        scores=scores(
            results,
            task.prepared,
            model=task.model.name,
            suite=task.suite,
            chat_template=task.chat_template,
        ),
        about={
            "task": task.prepared.spec.task,
            "lm_eval": task.prepared.harness_version,
            "versions": results["versions"],
            "task_hashes": found.task_hashes,
            "few_shot": results["n-shot"],
            "examples": results["n-samples"],
            "limit": task.prepared.limit,
            "include_path": [str(folder) for folder in task.prepared.folders],
            "chat_template": (
                compute_digest(lm.chat_template(chat_template=True)) if task.chat_template else None
            ),
            "seconds": round(time.perf_counter() - began, 3),
            **tell(),
        },
    )
    rows = [{"task": name, **plain(row)} for name, rows in found.samples.items() for row in rows]
    return BenchmarkMeasurement(result, rows)


def _spent(usage: Usage, calls: int, empty: int) -> dict[str, Any]:
    return {
        "calls": calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "empty_replies": empty,
    }


def _explained(error: Exception) -> BackendError | RunStoppedError:
    """Return an error in our own words."""
    match error:
        case BackendError() | RunStoppedError():
            return error
        case EvalHarnessError():
            return PermanentError(str(error), reason="config")
    said = " ".join(str(error).split())[:300] or "no message"
    return PermanentError(f"{type(error).__name__}: {said}", reason="lm_eval")
