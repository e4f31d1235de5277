"""The seam between evalharness and models: what every backend offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain.calls import Completion, Request

WorkResult = TypeVar("WorkResult")


class Backend(Protocol):
    """A model that can be asked. Batching, pools, limits and retries live behind it."""

    async def complete(self, request: Request) -> Completion:
        """Return one completion.

        Args:
            request: what is asked.

        Raises:
            BackendError: the model could not be asked; retries are spent.
        """
        ...

    async def close(self) -> None:
        """Free connections and memory."""
        ...


class LoadedModel(Protocol):
    """A model in memory.

    Attributes:
        module: the model, as transformers has it.
        tokenizer: its tokenizer.
        cache_tokens: how many tokens of conversations fit in memory beside the weights.
    """

    module: Any
    tokenizer: Any
    cache_tokens: int


class ModelLender(Protocol):
    """A backend whose model others may use, where it is, for something that it cannot do itself."""

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return what `work` makes of the loaded model.

        Raises:
            BackendError: the model cannot be loaded.
        """
        ...
