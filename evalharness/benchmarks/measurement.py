"""Run one benchmark on one model with lm-eval, and translate its results and errors."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.domain import BenchmarkResult, compute_digest
from evalharness.errors import BackendError, EvalHarnessError, PermanentError, RunStoppedError

if TYPE_CHECKING:
    import asyncio
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalharness.benchmarks.endpoint_lm import EndpointLM
    from evalharness.benchmarks.preparation import PreparedBenchmark
    from evalharness.benchmarks.progress import BenchmarkProgress
    from evalharness.domain import Backend, LoadedModel, ModelSpec

_MAX_MESSAGE = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkJob:
    """One benchmark on one model.

    Attributes:
        model: the model.
        prepared: the benchmark, with its tasks and data found.
        suite: the name of the suite to which it belongs.
        chat_template: whether prompts go through the model's chat template.
        key: the digest of all that the result depends on.
        lm_eval_lock: is held while lm-eval works, because lm-eval seeds the random numbers of the
            whole process.
        run_on_main: runs a function in the main thread.
        progress: receives the progress.
    """

    model: ModelSpec
    prepared: PreparedBenchmark
    suite: str
    chat_template: bool
    key: str
    lm_eval_lock: threading.Lock
    run_on_main: Callable[[Callable[[], Any]], Any]
    progress: BenchmarkProgress


@dataclass(frozen=True, slots=True)
class BenchmarkMeasurement:
    """The result of a benchmark, and lm-eval's record of every example."""

    result: BenchmarkResult
    samples: Sequence[Mapping[str, Any]]


def measure_weights(job: BenchmarkJob, loaded: LoadedModel) -> BenchmarkMeasurement:
    """Return the result of a benchmark on a loaded model.

    Raises:
        BackendError: the benchmark failed.
    """
    with job.lm_eval_lock:
        try:
            from evalharness.benchmarks.evaluation import silence_lm_eval
            from evalharness.benchmarks.local_lm import LocalLM

            size = job.prepared.batch_size
            with silence_lm_eval(), _stop_on_interrupt(loaded.module, job.progress):
                lm = LocalLM(job.model, loaded, batch_size=size, progress=job.progress)
                return _measure(job, lm, lambda: {"batch_sizes": sorted(set(lm.used_sizes))})
        except Exception as error:  # lm-eval, a task or a data set may raise any exception
            raise _translate_error(error) from error


def measure_endpoint(
    job: BenchmarkJob, backend: Backend, loop: asyncio.AbstractEventLoop
) -> BenchmarkMeasurement:
    """Return the result of a benchmark on a model behind an endpoint.

    This function blocks until the benchmark is done. It must not run in the thread of `loop`.

    Args:
        job: the benchmark and the model.
        backend: asks the model.
        loop: the event loop of the backend.

    Raises:
        BackendError: the benchmark failed.
    """
    with job.lm_eval_lock:
        try:
            from evalharness.benchmarks.endpoint_lm import EndpointLM
            from evalharness.benchmarks.evaluation import silence_lm_eval

            lm = EndpointLM(
                job.model,
                backend,
                loop,
                in_chat=job.chat_template,
                lm_eval_lock=job.lm_eval_lock,
                progress=job.progress,
            )
            with silence_lm_eval():
                return _measure(job, lm, lambda: _describe_usage(lm))
        except Exception as error:  # lm-eval, a task or a data set may raise any exception
            raise _translate_error(error) from error


@contextmanager
def _stop_on_interrupt(module: Any, progress: BenchmarkProgress) -> Iterator[None]:
    """Check before every forward pass of a model whether the run was interrupted.

    A reply of many tokens is one call of lm-eval. A process that ends during the call would crash.
    """
    hook = module.register_forward_pre_hook(lambda *_: progress.raise_if_stopped())
    try:
        yield
    finally:
        hook.remove()


def _measure(
    job: BenchmarkJob, lm: Any, describe_calls: Callable[[], dict[str, Any]]
) -> BenchmarkMeasurement:
    """Run lm-eval on a model and return its results as ours.

    Args:
        job: the benchmark and the model.
        lm: the model as lm-eval asks it.
        describe_calls: returns a description of the calls; it is called after the last one.
    """
    from evalharness.benchmarks.evaluation import run_lm_eval, to_plain_json
    from evalharness.benchmarks.scores import collect_scores

    start = time.perf_counter()
    output = run_lm_eval(
        lm, job.prepared, chat_template=job.chat_template, run_on_main=job.run_on_main
    )
    results = to_plain_json(output.results)
    result = BenchmarkResult(
        model=job.model.name,
        suite=job.suite,
        benchmark=job.prepared.spec.name,
        digest=job.key,
        scores=collect_scores(
            results,
            job.prepared,
            model=job.model.name,
            suite=job.suite,
            chat_template=job.chat_template,
        ),
        about={
            "task": job.prepared.spec.task,
            "lm_eval": job.prepared.harness_version,
            "versions": results["versions"],
            "task_hashes": output.task_hashes,
            "few_shot": results["n-shot"],
            "examples": results["n-samples"],
            "limit": job.prepared.limit,
            "include_path": [str(folder) for folder in job.prepared.folders],
            "chat_template": (
                compute_digest(lm.chat_template(chat_template=True)) if job.chat_template else None
            ),
            "seconds": round(time.perf_counter() - start, 3),
            **describe_calls(),
        },
    )
    samples = [
        {"task": name, **to_plain_json(row)}
        for name, rows in output.samples.items()
        for row in rows
    ]
    return BenchmarkMeasurement(result, samples)


def _describe_usage(lm: EndpointLM) -> dict[str, Any]:
    return {
        "calls": lm.calls,
        "prompt_tokens": lm.usage.prompt_tokens,
        "completion_tokens": lm.usage.completion_tokens,
        "empty_replies": lm.empty,
    }


def _translate_error(error: Exception) -> BackendError | RunStoppedError:
    """Return an error of lm-eval, a task or a data set as an error of ours."""
    match error:
        case BackendError() | RunStoppedError():
            return error
        case EvalHarnessError():
            return PermanentError(str(error), reason="config")
    message = " ".join(str(error).split())[:_MAX_MESSAGE] or "no message"
    return PermanentError(f"{type(error).__name__}: {message}", reason="lm_eval")
