"""Endpoints as lm-eval asks them, through our own client: its limits, retries, cache and cost.

lm-eval works in a thread of its own; requests are handed to the run's event loop all at once, and
the client lets as many of them through as it may.
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

_DEFAULT_CONCURRENCY = 64  # handed to the client, which may make fewer
_DEFAULT_MAX_TOKENS = 256  # lm-eval's


class EndpointLM(LM):  # type: ignore[misc]
    """A model behind an endpoint, as lm-eval asks it.

    Attributes:
        usage: the tokens of all requests.
        calls: how many requests there were.
        empty: how many replies were empty; lm-eval scores them as wrong.
    """

    def __init__(
        self,
        spec: ModelSpec,
        backend: Backend,
        loop: asyncio.AbstractEventLoop,
        *,
        in_chat: bool,
        turn: threading.Lock,
        watch: BenchmarkProgress,
    ) -> None:
        """Prepare to ask.

        Args:
            spec: the model's configuration.
            backend: asks it.
            loop: where the backend lives.
            in_chat: whether prompts are conversations, as `apply_chat_template` makes them.
            turn: is held by the thread and let go while it waits for replies: lm-eval seeds and
                uses the process's random numbers, so only one thread at a time may build prompts.
            watch: is told how far it is.
        """
        super().__init__()
        self.usage = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=None)
        self.calls = 0
        self.empty = 0
        self._spec = spec
        self._backend = backend
        self._loop = loop
        self._in_chat = in_chat
        self._turn = turn
        self._watch = watch

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Return the replies, each cut at the first of its stop texts.

        Raises:
            BackendError: a request failed in spite of all retries.
        """
        asked = [self._written(*request.args) for request in requests]
        replies = [
            _cut_at_stop(completion.text, request.stop)
            for request, completion in zip(asked, self._ask(asked), strict=True)
        ]
        self.empty += sum(not reply.strip() for reply in replies)
        return replies

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Return each continuation's log probability, and whether it is the likeliest text.

        Raises:
            BackendError: a request failed in spite of all retries, or the server tells no such
                thing.
        """
        completions = self._ask([self._read(*request.args) for request in requests])
        return [_read_log_probability(completion) for completion in completions]

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Return the log probabilities of whole texts.

        Raises:
            BackendError: as for `loglikelihood`.
        """
        completions = self._ask([self._read("", request.args[0]) for request in requests])
        return [_read_log_probability(completion)[0] for completion in completions]

    def apply_chat_template(
        self,
        chat_history: list[dict[str, str]],
        add_generation_prompt: bool = True,  # noqa: FBT001, FBT002 - lm-eval's signature
    ) -> str:
        """Return the conversation as one text, from which `_written` takes it apart again."""
        return encode_conversation(
            *convert_history(chat_history, reply_follows=add_generation_prompt)
        )

    @property
    def tokenizer_name(self) -> str:
        """The name under which lm-eval would keep prompts."""
        return self._spec.name

    def chat_template(self, chat_template: bool | str = False) -> str:  # noqa: FBT001, FBT002 - lm-eval's signature
        """Return the text of the template, where it is applied here."""
        return self._spec.template or "" if chat_template else ""

    def _written(self, context: str, wanted: dict[str, Any]) -> BenchmarkRequest:
        """Return the request for a reply."""
        until = wanted.get("until") or []
        sampled = wanted.get("do_sample", wanted.get("temperature", 0) > 0)
        sampling = Sampling(
            temperature=wanted.get("temperature", 1.0) if sampled else 0.0,
            top_p=wanted.get("top_p") if sampled else None,
            max_tokens=wanted.get("max_gen_toks", _DEFAULT_MAX_TOKENS),
        )
        stop = (until,) if isinstance(until, str) else tuple(until)
        messages, prompt = self._prompt(context)
        return BenchmarkRequest(messages=messages, prompt=prompt, sampling=sampling, stop=stop)

    def _read(self, context: str, continuation: str) -> BenchmarkRequest:
        """Return the request for a log probability."""
        messages, prompt = self._prompt(context)
        sampling = Sampling(temperature=0.0, max_tokens=1)
        return BenchmarkRequest(
            messages=messages, prompt=prompt, sampling=sampling, continuation=continuation
        )

    def _prompt(self, context: str) -> tuple[tuple[Message, ...], str | None]:
        """Return messages for a chat endpoint, or the text for a completions endpoint."""
        if not self._in_chat:
            said = (Message(role=Role.USER, content=context),)
            return said, context if self._spec.endpoint == "completions" else None
        messages, begun = decode_conversation(context)
        if self._spec.endpoint == "completions":
            return messages, render_chat_template(self._spec.template or "", messages) + begun
        if begun:
            msg = "a chat endpoint cannot begin the reply, as this task asks"
            raise PermanentError(msg, reason="gen_prefix")
        return messages, None

    def _ask(self, requests: Sequence[BenchmarkRequest]) -> list[Completion]:
        self._watch.expect(len(requests))
        asking = self._ask_all(requests)
        try:
            waiting = asyncio.run_coroutine_threadsafe(asking, self._loop)
        except RuntimeError:  # the run was interrupted, and its loop is closed
            asking.close()
            raise
        self._turn.release()
        try:
            completions = waiting.result()
        finally:
            self._turn.acquire()
        for completion in completions:
            self.usage += completion.usage
        self.calls += len(completions)
        return completions

    async def _ask_all(self, requests: Sequence[BenchmarkRequest]) -> list[Completion]:
        """Return all completions; after the first error, only what is on its way is waited for."""
        gate = asyncio.Semaphore(self._spec.concurrency or _DEFAULT_CONCURRENCY)
        errors: list[EvalHarnessError] = []

        async def ask(request: BenchmarkRequest) -> Completion | None:
            async with gate:
                if errors:
                    return None
                try:
                    completion = await self._backend.complete(request)
                except EvalHarnessError as error:
                    errors.append(error)
                    return None
                self._watch.advance()
                return completion

        asked = await asyncio.gather(*map(ask, requests))
        if errors:
            raise errors[0]
        return [completion for completion in asked if completion is not None]


def _read_log_probability(completion: Completion) -> tuple[float, bool]:
    if completion.log_probability is None:
        msg = "the server told no log probabilities of the prompt"
        raise PermanentError(msg, reason="no_logprobs")
    return completion.log_probability, bool(completion.is_likeliest)


def _cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first stop text in it: not every server takes all of them."""
    ends = [end for stop in stops if stop and (end := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
