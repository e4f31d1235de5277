"""Tell options apart that a tokenizer begins with the same token: 1 and 10, written as "1", "0".

A completions endpoint is asked how the option goes on after that token. A chat endpoint cannot be
asked that. It is asked once to write the longer option; if it needs several tokens for it, the
reading of probabilities is refused for this server, as a mean over the other grades is wrong.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalharness.backends.openai.replies.option_probabilities import (
    AmbiguousOptionError,
    option_probabilities,
)
from evalharness.domain import Message, Role
from evalharness.errors import PermanentError

if TYPE_CHECKING:
    from evalharness.domain import Backend, Completion, Request

_SURE = 0.5


class SplitOptionBackend:
    """A model whose option probabilities are right whatever its tokenizer does."""

    def __init__(self, backend: Backend, *, is_text: bool) -> None:
        """Wrap the client of a model.

        Args:
            backend: the client.
            is_text: whether prompts are texts, so that a reply can be continued.
        """
        self._backend = backend
        self._is_text = is_text
        self._are_whole: bool | None = None
        self._refusal: AmbiguousOptionError | None = None
        self._probing = asyncio.Lock()

    def __getattr__(self, name: str) -> Any:
        """Return what the wrapped client has besides."""
        return getattr(self._backend, name)

    async def complete(self, request: Request) -> Completion:
        """Return one completion, as the wrapped client does.

        Raises:
            BackendError: the call failed, or the server cannot tell the options apart.
        """
        if request.options and self._refusal and set(self._refusal.begun) <= set(request.options):
            raise PermanentError(str(self._refusal), reason=self._refusal.reason, attempts=0)
        try:
            return await self._backend.complete(request)
        except AmbiguousOptionError as error:
            if self._is_text:
                return await self._continue(request, error)
            return await self._decide(request, error)

    async def close(self) -> None:
        """Close the client."""
        await self._backend.close()

    async def _continue(self, request: Request, error: AmbiguousOptionError) -> Completion:
        """Return the completion with probabilities of what follows the shared token."""
        ends = {option: option.removeprefix(error.start) for option in error.begun}
        asked = tuple(end for end in ends.values() if end)
        more = replace(request, prefill=request.prefill + error.start, options=asked)
        following = await self.complete(more)
        shares = dict(zip(asked, following.option_probabilities or (), strict=True))
        shares[""] = max(0.0, 1.0 - sum(shares.values()))
        others = [pair for pair in error.tokens if pair[0].lstrip(" ▁Ġ") != error.start]
        rest = option_probabilities(error.options, others, are_whole=True)
        found = tuple(
            share + (error.share * shares[ends[option]] if option in ends else 0.0)
            for option, share in zip(error.options, rest, strict=True)
        )
        return _join(error.completion or following, following, found)

    async def _decide(self, request: Request, error: AmbiguousOptionError) -> Completion:
        """Return the completion if the server is known to write each option with its own token.

        Raises:
            AmbiguousOptionError: it is not.
        """
        async with self._probing:
            if self._are_whole is None:
                self._are_whole = await self._probe(request, error)
        if not self._are_whole or error.completion is None:
            self._refusal = self._refusal or error
            raise error
        found = option_probabilities(error.options, error.tokens, are_whole=True)
        return replace(error.completion, option_probabilities=found)

    async def _probe(self, request: Request, error: AmbiguousOptionError) -> bool:
        """Whether the server writes the longest of the options with one token."""
        word = max((option.rstrip("]") for option in error.begun), key=len)
        message = Message(role=Role.USER, content=f"Write {word} and nothing else.")
        probe = replace(request, messages=(message,), options=(word, f"{error.start}?"))
        try:
            found = await self._backend.complete(probe)
        except AmbiguousOptionError:
            return False
        return (found.option_probabilities or (0.0,))[0] > _SURE


def _join(first: Completion, following: Completion, probabilities: tuple[float, ...]) -> Completion:
    """Return the first completion with the tokens and the time of both."""
    usage = first.usage + following.usage
    return replace(
        first,
        option_probabilities=probabilities,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        seconds=first.seconds + following.seconds,
        attempts=first.attempts + following.attempts,
    )
