"""A replica: a model in a process of a Ray node, and the errors that it sends back.

The nodes import this module without the rest of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.errors import (
    BackendError,
    ContextLengthError,
    EvalHarnessError,
    PermanentError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain import Backend, Completion, ModelSpec, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class SerializedError:
    """An error of this package that is sent between processes."""

    kind: str
    message: str
    reason: str
    attempts: int

    @classmethod
    def of(cls, error: EvalHarnessError) -> SerializedError:
        """Return the serialized form of an error."""
        known = error if isinstance(error, BackendError) else None
        return cls(
            kind=type(error).__name__,
            message=str(error),
            reason=known.reason if known else "config",
            attempts=known.attempts if known else 1,
        )

    def as_error(self) -> BackendError:
        """Return the deserialized error."""
        if self.kind == ContextLengthError.__name__:
            return ContextLengthError(self.message)
        kind = TransientError if self.kind == TransientError.__name__ else PermanentError
        return kind(self.message, reason=self.reason, attempts=self.attempts)


class Replica:
    """The actor that connects the models that share its weights, and calls them."""

    def __init__(self, connect: Callable[[ModelSpec], Backend]) -> None:
        self._connect = connect
        self._connected: dict[str, Backend] = {}

    async def ready(self) -> None:
        """Return when the process runs."""

    async def complete(self, spec: ModelSpec, request: Request) -> Completion | SerializedError:
        """Return a completion, or the error of the call."""
        try:
            if spec.name not in self._connected:
                self._connected[spec.name] = self._connect(spec)
            return await self._connected[spec.name].complete(request)
        except EvalHarnessError as error:
            return SerializedError.of(error)
