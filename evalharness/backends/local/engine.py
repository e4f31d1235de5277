"""Run a model in memory in one thread, for all configured models that share its weights."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from bisect import bisect, insort
from collections import deque
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from queue import SimpleQueue
from typing import TYPE_CHECKING

from evalharness.domain import Completion
from evalharness.errors import BackendError, EvalHarnessError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evalharness.backends.local.weights import Weights
    from evalharness.domain import LoadedModel, ModelSpec, Request

_CLOSE_TIMEOUT_S = (
    5.0  # for an interrupted run, which does not wait for weights that are still loading
)
_OPTION_WINDOW = 64
"""Jobs among which the next one is chosen; beyond it, jobs are worked on in the order of the run."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CompletionJob:
    spec: ModelSpec
    request: Request
    future: Future[Completion]


@dataclass(frozen=True, slots=True, kw_only=True)
class _LoanJob:
    """External work with the model, which starts when no requests are pending."""

    work: Callable[[LoadedModel], Any]
    future: Future[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _OptionJob:
    """A prompt, and the tokens of each option after it."""

    prompt: list[int]
    options: list[list[int]]
    texts: tuple[str, ...]
    future: Future[Completion]


_get_prompt = attrgetter("prompt")


class TransformersEngine:
    """Loads weights, and processes pending requests in batches."""

    def __init__(self, weights: Weights) -> None:
        """Start to load the weights in a thread."""
        self.weights = weights
        self._inbox: SimpleQueue[_CompletionJob | _LoanJob | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=weights.name, daemon=True)
        self._thread.start()

    def ask(self, spec: ModelSpec, request: Request) -> Future[Completion]:
        """Queue a request; return the future of its completion."""
        job = _CompletionJob(spec=spec, request=request, future=Future())
        self._inbox.put(job)
        return job.future

    def lend(self, work: Callable[[LoadedModel], Any]) -> Future[Any]:
        """Queue external work, which runs in the thread of this engine; return its future result."""
        loan = _LoanJob(work=work, future=Future())
        self._inbox.put(loan)
        return loan.future

    async def close(self) -> None:
        """Stop after the current token, and free the memory."""
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join, _CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        try:
            worker = _EngineWorker(self.weights)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the error fails the jobs
            while (job := self._inbox.get()) is not None:
                _set_failure(job.future, error)
            return
        worker.work(self._inbox)
        del worker
        _free_memory()


class _EngineWorker:
    """The state of the thread: the model, replies being generated, options to be scored."""

    def __init__(self, weights: Weights) -> None:
        began = time.perf_counter()
        # Imported here, in the thread, because torch alone takes seconds.
        from evalharness.backends.local.batch_generation import GenerationBatch
        from evalharness.backends.local.causal_model import CausalModel
        from evalharness.backends.local.matrix_products import use_onednn_layers
        from evalharness.backends.local.option_scores import OptionScorer
        from evalharness.backends.local.weights import load_model, load_tokenizer

        module = load_model(weights)
        use_onednn_layers(module)
        self._model = CausalModel(module, load_tokenizer(weights))
        self._batch = GenerationBatch(self._model)
        self._scorer = OptionScorer(self._model)
        self._option_jobs: list[_OptionJob] = []  # the next ones, sorted by prompt
        self._later_option_jobs: deque[_OptionJob] = deque()
        self._loan_jobs: list[_LoanJob] = []
        _log.info("loaded %s in %.1f s", weights.name, time.perf_counter() - began)

    def work(self, inbox: SimpleQueue[_CompletionJob | _LoanJob | None]) -> None:
        """Process jobs until None arrives; replies come before options, which judge them."""
        import torch

        with torch.inference_mode():
            while self._receive(inbox):
                if not self._batch.is_idle:
                    self._advance()
                elif self._option_jobs:
                    self._score_options()
                elif self._loan_jobs:
                    self._lend(self._loan_jobs.pop(0))
        for writing in self._batch.remove_all():
            writing.future.cancel()
        for options_job in (*self._option_jobs, *self._later_option_jobs):
            options_job.future.cancel()
        for loan in self._loan_jobs:
            loan.future.cancel()

    def _receive(self, inbox: SimpleQueue[_CompletionJob | _LoanJob | None]) -> bool:
        """Accept all queued jobs, waiting for one if idle; return False at the end."""
        is_idle = self._batch.is_idle and not self._option_jobs and not self._loan_jobs
        while is_idle or not inbox.empty():
            job = inbox.get()
            if job is None:
                return False
            try:
                self._accept(job)
            except Exception as error:  # noqa: BLE001 - the edge of the thread: the error fails the job
                _set_failure(job.future, error)
            is_idle = False
        return True

    def _accept(self, job: _CompletionJob | _LoanJob) -> None:
        """Queue a job by its kind; requests are encoded.

        Raises:
            ContextLengthError: the conversation does not fit the context of the model.
        """
        from evalharness.backends.local.prompt_tokens import (
            encode_options,
            encode_prompt,
            find_stop_token_ids,
        )
        from evalharness.backends.local.reply_in_progress import ReplyInProgress
        from evalharness.backends.local.reply_tokens import prompt_opens_reasoning

        if isinstance(job, _LoanJob):
            self._loan_jobs.append(job)
            return
        spec, request, model = job.spec, job.request, self._model
        if request.options:
            tokens, options = encode_options(spec, model.tokenizer, request)
            model.check_length(len(tokens), max(map(len, options)), spec.context_length)
            options_job = _OptionJob(
                prompt=tokens, options=options, texts=request.options, future=job.future
            )
            self._later_option_jobs.append(options_job)
            self._fill_option_window()
            return
        tokens, sampling = (
            encode_prompt(spec, model.tokenizer, request),
            request.sampling.fill_defaults(),
        )
        model.check_length(len(tokens), sampling.assumed_max_tokens, spec.context_length)
        self._batch.waiting.append(
            ReplyInProgress(
                prompt=tokens,
                sampling=sampling,
                stops=spec.stop,
                end_ids=model.end_ids | find_stop_token_ids(spec, model.tokenizer),
                opened=prompt_opens_reasoning(model.tokenizer, tokens),
                continues=request.continues,
                future=job.future,
            )
        )

    def _advance(self) -> None:
        """Generate one token of every reply."""
        self._scorer.clear()
        try:
            self._batch.advance()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the error fails the job
            for writing in self._batch.remove_all():
                _set_failure(writing.future, error)

    def _score_options(self) -> None:
        """Score the options of one prompt."""
        options_job = self._take_next_option_job()
        if options_job.future.cancelled():
            return
        began = time.perf_counter()
        try:
            probabilities, known = self._scorer.probabilities(
                options_job.prompt, options_job.options
            )
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the error fails the job
            self._scorer.clear()
            _set_failure(options_job.future, error)
            return
        likeliest = max(range(len(probabilities)), key=probabilities.__getitem__)
        completion = Completion(
            text=options_job.texts[likeliest],
            finish_reason="length",
            prompt_tokens=len(options_job.prompt),
            completion_tokens=0,
            cached_tokens=known,
            seconds=time.perf_counter() - began,
            option_probabilities=probabilities,
        )
        with suppress(InvalidStateError):  # it was cancelled
            options_job.future.set_result(completion)

    def _take_next_option_job(self) -> _OptionJob:
        """Remove and return the job whose prompt shares most tokens with the last prompt."""
        place = bisect(self._option_jobs, self._scorer.last_prompt, key=_get_prompt)
        # In sorted order, a text shares most with its neighbors.
        nearby = self._option_jobs[max(place - 1, 0) : place + 1]
        options_job = max(nearby, key=lambda each: self._scorer.count_cached(each.prompt))
        self._option_jobs.remove(options_job)
        self._fill_option_window()
        return options_job

    def _fill_option_window(self) -> None:
        """Keep the window of the next jobs full, in the order in which they came."""
        while self._later_option_jobs and len(self._option_jobs) < _OPTION_WINDOW:
            insort(self._option_jobs, self._later_option_jobs.popleft(), key=_get_prompt)

    def _lend(self, loan: _LoanJob) -> None:
        from evalharness.backends.local.matrix_products import use_torch_layers

        self._scorer.clear()
        if not loan.future.set_running_or_notify_cancel():
            return
        try:
            with use_torch_layers(self._model.module):
                loan.future.set_result(loan.work(self._model))
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the error fails the job
            _set_failure(loan.future, error)


def _free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _set_failure(future: Future[Any], error: Exception) -> None:
    """Fail a future with an error of this package."""
    match error:
        case BackendError():
            failure = error
        case EvalHarnessError():
            failure = PermanentError(str(error), reason="config")
        case _:
            said = str(error).strip().partition("\n")[0] or "no message"
            failure = PermanentError(f"{type(error).__name__}: {said}", reason="local_model")
    failure.__cause__ = error if failure is not error else None
    with suppress(InvalidStateError):  # it was cancelled
        future.set_exception(failure)
