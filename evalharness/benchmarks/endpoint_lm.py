"""Let lm-eval ask a model behind an endpoint through our own client.

lm-eval works in a separate thread. It passes its requests to the run's event loop, where the client
applies its limits, retries, cache and cost.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import LM

from evalharness.backends import render_chat_template
from evalharness.benchmarks.conversations import (
    convert_history,
    decode_conversation,
    encode_conversation,
)
from evalharness.domain import BenchmarkRequest, Message, Role, Sampling, Usage
from evalharness.errors import EvalHarnessError, PermanentError

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from evalharness.benchmarks.progress import BenchmarkProgress
    from evalharness.domain import Backend, Completion, ModelSpec

_DEFAULT_MAX_TOKENS = 256  # as in lm-eval


class EndpointLM(LM):  # type: ignore[misc]
    """A model behind an endpoint, as lm-eval asks it.

    Attributes:
        usage: the tokens of all requests.
        calls: how many requests there were.
        empty: how many replies were empty; lm-eval scores an empty reply as wrong.
    """

    def __init__(
        self,
        spec: ModelSpec,
        backend: Backend,
        loop: asyncio.AbstractEventLoop,
        *,
        in_chat: bool,
        lm_eval_lock: threading.Lock,
        progress: BenchmarkProgress,
    ) -> None:
        """Prepare to ask a model.

        Args:
            spec: the model's configuration.
            backend: asks the model.
            loop: the event loop of the backend.
            in_chat: whether prompts are conversations, as `apply_chat_template` makes them.
            lm_eval_lock: is held by the calling thread, and released while it waits for replies.
                lm-eval seeds and uses the random numbers of the process, so only one thread at a
                time may build prompts.
            progress: receives the progress.
        """
        super().__init__()
        self.usage = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=None)
        self.calls = 0
        self.empty = 0
        self._spec = spec
        self._backend = backend
        self._loop = loop
        self._in_chat = in_chat
        self._lm_eval_lock = lm_eval_lock
        self._progress = progress

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Return the replies, each cut at the first stop text in it.

        Raises:
            BackendError: a request failed after all retries.
        """
        completion_requests = [self._make_generation_request(*request.args) for request in requests]
        replies = [
            _cut_at_stop(completion.text, request.stop)
            for request, completion in zip(
                completion_requests, self._complete(completion_requests), strict=True
            )
        ]
        self.empty += sum(not reply.strip() for reply in replies)
        return replies

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Return the log probability of each continuation, and whether it is the most likely text.

        Raises:
            BackendError: a request failed after all retries, or the server returns no log
                probabilities.
        """
        completions = self._complete(
            [self._make_scoring_request(*request.args) for request in requests]
        )
        return [_read_log_probability(completion) for completion in completions]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Return the log probabilities of whole texts.

        Raises:
            BackendError: as for `loglikelihood`.
        """
        completions = self._complete(
            [self._make_scoring_request("", request.args[0]) for request in requests]
        )
        return [_read_log_probability(completion)[0] for completion in completions]

    def apply_chat_template(
        self,
        chat_history: list[dict[str, str]],
        add_generation_prompt: bool = True,  # noqa: FBT001, FBT002 - lm-eval's signature
    ) -> str:
        """Return the conversation as one text, which `_make_prompt` decodes."""
        return encode_conversation(
            *convert_history(chat_history, reply_follows=add_generation_prompt)
        )

    @property
    def tokenizer_name(self) -> str:
        """The name under which lm-eval would cache prompts."""
        return self._spec.name

    def chat_template(self, chat_template: bool | str = False) -> str:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return the text of the chat template; no text if it is not applied here."""
        return self._spec.template or "" if chat_template else ""

    def _make_generation_request(self, context: str, settings: dict[str, Any]) -> BenchmarkRequest:
        """Return the request for a reply with lm-eval's settings."""
        until = settings.get("until") or []
        is_sampled = settings.get("do_sample", settings.get("temperature", 0) > 0)
        sampling = Sampling(
            temperature=settings.get("temperature", 1.0) if is_sampled else 0.0,
            top_p=settings.get("top_p") if is_sampled else None,
            max_tokens=settings.get("max_gen_toks", _DEFAULT_MAX_TOKENS),
        )
        stop = (until,) if isinstance(until, str) else tuple(until)
        messages, prompt = self._make_prompt(context)
        return BenchmarkRequest(messages=messages, prompt=prompt, sampling=sampling, stop=stop)

    def _make_scoring_request(self, context: str, continuation: str) -> BenchmarkRequest:
        """Return the request for the log probability of a continuation."""
        messages, prompt = self._make_prompt(context)
        sampling = Sampling(temperature=0.0, max_tokens=1)
        return BenchmarkRequest(
            messages=messages, prompt=prompt, sampling=sampling, continuation=continuation
        )

    def _make_prompt(self, context: str) -> tuple[tuple[Message, ...], str | None]:
        """Return messages for a chat endpoint, or the text for a completions endpoint."""
        if not self._in_chat:
            message = Message(role=Role.USER, content=context)
            return (message,), context if self._spec.get_setting(
                "endpoint"
            ) == "completions" else None
        messages, reply_prefix = decode_conversation(context)
        if self._spec.get_setting("endpoint") == "completions":
            prompt = render_chat_template(
                self._spec.template or "",
                messages,
                options=self._spec.template_options,
                date=self._spec.template_date,
                limits=self._spec.template_limits,
            )
            return messages, prompt + reply_prefix
        if reply_prefix:
            msg = "a chat endpoint cannot begin the reply, as this task asks"
            raise PermanentError(msg, reason="gen_prefix")
        return messages, None

    def _complete(self, requests: Sequence[BenchmarkRequest]) -> list[Completion]:
        self._progress.expect(len(requests))
        coroutine = self._complete_all(requests)
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the run was interrupted and its event loop is closed
            coroutine.close()
            raise
        self._lm_eval_lock.release()
        try:
            completions = future.result()
        finally:
            self._lm_eval_lock.acquire()
        for completion in completions:
            self.usage += completion.usage
        self.calls += len(completions)
        return completions

    async def _complete_all(self, requests: Sequence[BenchmarkRequest]) -> list[Completion]:
        """Return all completions; after the first error, start no further request."""
        semaphore = asyncio.Semaphore(self._spec.max_concurrency)
        errors: list[EvalHarnessError] = []

        async def complete(request: BenchmarkRequest) -> Completion | None:
            async with semaphore:
                if errors:
                    return None
                try:
                    completion = await self._backend.complete(request)
                except EvalHarnessError as error:
                    errors.append(error)
                    return None
                self._progress.advance()
                return completion

        completions = await asyncio.gather(*map(complete, requests))
        if errors:
            raise errors[0]
        return [completion for completion in completions if completion is not None]


def _read_log_probability(completion: Completion) -> tuple[float, bool]:
    if completion.log_probability is None:
        msg = "the server told no log probabilities of the prompt"
        raise PermanentError(msg, reason="no_logprobs")
    return completion.log_probability, bool(completion.is_likeliest)


def _cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first stop text in it; some servers do not apply all stop texts."""
    ends = [end for stop in stops if stop and (end := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
