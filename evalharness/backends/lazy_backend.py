"""A model that is connected when it is first asked: what is on the disk already needs no weights."""

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
    """A backend that is made by its first request; where that fails, every request fails alike."""

    def __init__(self, connect: Callable[[], Backend]) -> None:
        self._connect = connect
        self._backend: Backend | None = None
        self._error: BackendError | None = None

    async def complete(self, request: Request) -> Completion:
        """Return a completion, as the backend does.

        Raises:
            BackendError: the model could not be connected, or not be asked.
        """
        return await self._connected().complete(request)

    async def lend(self, work: Callable[[LoadedModel], WorkResult]) -> WorkResult:
        """Return what `work` makes of the backend's model.

        Raises:
            BackendError: the model could not be connected.
        """
        return await cast("ModelLender", self._connected()).lend(work)

    async def close(self) -> None:
        """Close the backend, if it was ever made."""
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
