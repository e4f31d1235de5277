"""Connect a model at its first request, so that a finished run loads no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from evalharness.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain import (
        Backend,
        Completion,
        LoadedModel,
        ModelLender,
        Request,
        WorkResult,
    )


class LazyBackend:
    """A backend that connects at its first request; an error there is raised by every request."""

    def __init__(self, connect: Callable[[], Backend]) -> None:
        self._connect = connect
        self._backend: Backend | None = None
        self._error: BackendError | None = None

    async def complete(self, request: Request) -> Completion:
        """Return the completion of the wrapped backend.

        Raises:
            BackendError: the model cannot be connected, or the call failed.
        """
        return await self._connected().complete(request)

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return the result of `work` on the model of the wrapped backend.

        Raises:
            BackendError: the model cannot be connected.
        """
        return await cast("ModelLender", self._connected()).lend(work)

    async def close(self) -> None:
        """Close the wrapped backend, if it was connected."""
        if self._backend is not None:
            await self._backend.close()

    def _connected(self) -> Backend:
        if self._error is not None:
            raise self._error
        if self._backend is None:
            try:
                self._backend = self._connect()
            except BackendError as error:
                self._error = error
                raise
        return self._backend
