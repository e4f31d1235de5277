"""Define the protocols that backends and their loaded models implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain.calls import Completion, Request

WorkResult = TypeVar("WorkResult")


class Backend(Protocol):
    """A model that completes requests. It handles batching, limits and retries."""

    async def complete(self, request: Request) -> Completion:
        """Return one completion.

        Args:
            request: the conversation and the sampling settings.

        Raises:
            BackendError: the request failed, after all retries.
        """
        ...

    async def close(self) -> None:
        """Release connections and memory."""
        ...


class LoadedModel(Protocol):
    """A model in memory.

    Attributes:
        module: the transformers model.
        tokenizer: its tokenizer.
        cache_tokens: how many tokens of conversations fit in memory besides the weights.
    """

    module: Any
    tokenizer: Any
    cache_tokens: int


class ModelLender(Protocol):
    """A backend that lends its loaded model for work that is not a completion."""

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return the result of `work` on the loaded model.

        Args:
            work: a function of the loaded model; it runs where the model is loaded.

        Raises:
            BackendError: the model cannot be loaded.
        """
        ...
