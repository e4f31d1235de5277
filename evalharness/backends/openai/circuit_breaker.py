"""Stop calling a model after a number of equal failures in a row."""

from __future__ import annotations

from evalharness.errors import BackendError, ContextLengthError, PermanentError


class CircuitBreaker:
    """Opens after a number of equal failures in a row; a success or another failure resets it."""

    def __init__(self, after: int) -> None:
        """Open after `after` failures."""
        self._after = after
        self._equal_failures = 0
        self._last: tuple[str, str] | None = None
        self._message = ""

    @property
    def is_open(self) -> bool:
        """Whether no further call may be made."""
        return self._equal_failures >= self._after

    def raise_if_open(self) -> None:
        """Refuse a call if the breaker is open.

        Raises:
            PermanentError: with the message of the last failure.
        """
        if self.is_open:
            msg = (
                f"not asked, as {self._equal_failures} calls in a row failed alike: {self._message}"
            )
            raise PermanentError(msg, reason="given_up", attempts=0)

    def record_success(self) -> None:
        """Record a served call."""
        self._equal_failures = 0
        self._last = None

    def record_failure(self, error: BackendError) -> None:
        """Record a call that failed finally; a prompt that is too long says nothing about other calls."""
        if self.is_open or isinstance(error, ContextLengthError):
            return
        # Refusals are equal if their messages are; messages of a bad connection vary.
        words = str(error) if isinstance(error, PermanentError) else ""
        kind = (error.reason, words)
        self._equal_failures = self._equal_failures + 1 if kind == self._last else 1
        self._last = kind
        self._message = str(error)
