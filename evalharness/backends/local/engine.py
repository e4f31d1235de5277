"""Weights in memory, and the one thread that works with them for every model that shares them."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from bisect import bisect, insort
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
    5.0  # for an interrupted run: weights that are still being loaded are not waited for
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CompletionJob:
    spec: ModelSpec
    request: Request
    future: Future[Completion]


@dataclass(frozen=True, slots=True, kw_only=True)
class _LoanJob:
    """Work of others with the model: it begins when nothing else is to be done."""

    work: Callable[[LoadedModel], Any]
    future: Future[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _OptionJob:
    """A prompt to be read, and the tokens of each option after it."""

    prompt: list[int]
    options: list[list[int]]
    texts: tuple[str, ...]
    future: Future[Completion]


_get_prompt = attrgetter("prompt")


class TransformersEngine:
    """Loads weights and answers requests, as many together as there are."""

    def __init__(self, weights: Weights) -> None:
        """Begin to load, in a thread of its own."""
        self.weights = weights
        self._inbox: SimpleQueue[_CompletionJob | _LoanJob | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=weights.name, daemon=True)
        self._thread.start()

    def ask(self, spec: ModelSpec, request: Request) -> Future[Completion]:
        """Return the completion to come."""
        job = _CompletionJob(spec=spec, request=request, future=Future())
        self._inbox.put(job)
        return job.future

    def lend(self, work: Callable[[LoadedModel], Any]) -> Future[Any]:
        """Return what `work` will have made of the model, in this engine's thread."""
        loan = _LoanJob(work=work, future=Future())
        self._inbox.put(loan)
        return loan.future

    async def close(self) -> None:
        """Stop after the token that is being written, and free the memory."""
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join, _CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        try:
            desk = _EngineWorker(self.weights)
        except Exception as error:  # noqa: BLE001 - the thread's edge: whoever asks is told
            while (job := self._inbox.get()) is not None:
                _set_failure(job.future, error)
            return
        desk.work(self._inbox)
        del desk
        _free_memory()


class _EngineWorker:
    """What the thread has before it: the model, replies being written, options to be read."""

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
        self._reader = OptionScorer(self._model)
        self._choices: list[_OptionJob] = []  # in the order of their prompts
        self._loans: list[_LoanJob] = []
        _log.info("loaded %s in %.1f s", weights.name, time.perf_counter() - began)

    def work(self, inbox: SimpleQueue[_CompletionJob | _LoanJob | None]) -> None:
        """Do what comes in until None does; replies go before options, which judge them."""
        import torch

        with torch.inference_mode():
            while self._receive(inbox):
                if not self._batch.is_idle:
                    self._advance()
                elif self._choices:
                    self._choose()
                elif self._loans:
                    self._lend(self._loans.pop(0))
        for writing in self._batch.abandon():
            writing.future.cancel()
        for choice in self._choices:
            choice.future.cancel()
        for loan in self._loans:
            loan.future.cancel()

    def _receive(self, inbox: SimpleQueue[_CompletionJob | _LoanJob | None]) -> bool:
        """Take all that has come in, waiting if there is nothing else to do; False at the end."""
        is_idle = self._batch.is_idle and not self._choices and not self._loans
        while is_idle or not inbox.empty():
            job = inbox.get()
            if job is None:
                return False
            try:
                self._accept(job)
            except Exception as error:  # noqa: BLE001 - the thread's edge: whoever asked is told
                _set_failure(job.future, error)
            is_idle = False
        return True

    def _accept(self, job: _CompletionJob | _LoanJob) -> None:
        """Put a job where it belongs, a request encoded.

        Raises:
            ContextLengthError: the conversation does not fit the model.
        """
        from evalharness.backends.local.batch_generation import ReplyInProgress
        from evalharness.backends.local.prompt_tokens import (
            encode_options,
            encode_prompt,
            find_stop_token_ids,
        )

        if isinstance(job, _LoanJob):
            self._loans.append(job)
            return
        spec, request, model = job.spec, job.request, self._model
        if request.options:
            tokens, options = encode_options(spec, model.tokenizer, request)
            model.check_length(len(tokens), max(map(len, options)), spec.context_length)
            choice = _OptionJob(
                prompt=tokens, options=options, texts=request.options, future=job.future
            )
            insort(self._choices, choice, key=_get_prompt)
            return
        tokens = encode_prompt(spec, model.tokenizer, request)
        model.check_length(len(tokens), request.sampling.max_tokens, spec.context_length)
        self._batch.waiting.append(
            ReplyInProgress(
                prompt=tokens,
                sampling=request.sampling,
                stops=spec.stop,
                end_ids=model.end_ids | find_stop_token_ids(spec, model.tokenizer),
                future=job.future,
            )
        )

    def _advance(self) -> None:
        """Write one more token of every reply."""
        self._reader.forget()
        try:
            self._batch.advance()
        except Exception as error:  # noqa: BLE001 - the thread's edge: whoever asked is told
            for writing in self._batch.abandon():
                _set_failure(writing.future, error)

    def _choose(self) -> None:
        """Read the options of one prompt."""
        choice = self._next_choice()
        if choice.future.cancelled():
            return
        began = time.perf_counter()
        try:
            probabilities, known = self._reader.probabilities(choice.prompt, choice.options)
        except Exception as error:  # noqa: BLE001 - the thread's edge: whoever asked is told
            self._reader.forget()
            _set_failure(choice.future, error)
            return
        likeliest = max(range(len(probabilities)), key=probabilities.__getitem__)
        completion = Completion(
            text=choice.texts[likeliest],
            finish_reason="length",
            prompt_tokens=len(choice.prompt),
            completion_tokens=0,
            cached_tokens=known,
            seconds=time.perf_counter() - began,
            option_probabilities=probabilities,
        )
        with suppress(InvalidStateError):  # cancelled meanwhile
            choice.future.set_result(completion)

    def _next_choice(self) -> _OptionJob:
        """Return, of the prompts that wait, the one of which most is known from the last."""
        place = bisect(self._choices, self._reader.read, key=_get_prompt)
        # Of texts in order, one shares most with its neighbors.
        nearby = self._choices[max(place - 1, 0) : place + 1]
        choice = max(nearby, key=lambda each: self._reader.known(each.prompt))
        self._choices.remove(choice)
        return choice

    def _lend(self, loan: _LoanJob) -> None:
        from evalharness.backends.local.matrix_products import use_torch_layers

        self._reader.forget()
        if not loan.future.set_running_or_notify_cancel():
            return
        try:
            with use_torch_layers(self._model.module):
                loan.future.set_result(loan.work(self._model))
        except Exception as error:  # noqa: BLE001 - the thread's edge: whoever asked is told
            _set_failure(loan.future, error)


def _free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _set_failure(future: Future[Any], error: Exception) -> None:
    """Tell whoever waits what went wrong, in our own words."""
    match error:
        case BackendError():
            failure = error
        case EvalHarnessError():
            failure = PermanentError(str(error), reason="config")
        case _:
            said = str(error).strip().partition("\n")[0] or "no message"
            failure = PermanentError(f"{type(error).__name__}: {said}", reason="local_model")
    failure.__cause__ = error if failure is not error else None
    with suppress(InvalidStateError):  # cancelled meanwhile
        future.set_exception(failure)
