"""When to stop asking a model: calls that fail one after another, all alike, will go on failing."""

from __future__ import annotations

from evalharness.errors import BackendError, ContextLengthError, PermanentError


class CircuitBreaker:
    """Opens after so many failures alike in a row; a success or another failure begins anew."""

    def __init__(self, after: int) -> None:
        """Open after so many."""
        self._after = after
        self._alike = 0
        self._last: tuple[str, str] | None = None
        self._words = ""

    @property
    def is_open(self) -> bool:
        """Whether the model is to be asked no more."""
        return self._alike >= self._after

    def refuse_when_open(self) -> None:
        """Refuse a call that would fail like those before it.

        Raises:
            PermanentError: with the words of the last failure.
        """
        if self.is_open:
            msg = f"not asked, as {self._alike} calls in a row failed alike: {self._words}"
            raise PermanentError(msg, reason="given_up", attempts=0)

    def succeeded(self) -> None:
        """Take note of a call that came through."""
        self._alike = 0
        self._last = None

    def failed(self, error: BackendError) -> None:
        """Take note of a call that failed for good; a prompt too long says nothing of the next."""
        if self.is_open or isinstance(error, ContextLengthError):
            return
        # The words of a refusal decide whether it is the same; those of a bad line vary.
        words = str(error) if isinstance(error, PermanentError) else ""
        kind = (error.reason, words)
        self._alike = self._alike + 1 if kind == self._last else 1
        self._last = kind
        self._words = str(error)
