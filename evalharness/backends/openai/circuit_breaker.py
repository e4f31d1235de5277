"""Stop calling a model after a number of equal failures in a row."""

from __future__ import annotations

from evalharness.backends.openai.error_reply import CONTENT_FILTER, INSUFFICIENT_QUOTA
from evalharness.backends.openai.replies.option_probabilities import AmbiguousOptionError
from evalharness.errors import BackendError, ContextLengthError, PermanentError

# A refusal of these kinds may be due to its request, if others were served before.
_MAYBE_OF_ONE_REQUEST = ("http_400", "http_413", "http_422")
_SERVER_ERROR = "http_500"
_PATIENCE_AFTER_SUCCESS = 4  # times as many, for errors inside a server that has served


class CircuitBreaker:
    """Opens after a number of equal failures in a row; a success or another failure resets it.

    It opens at once when the account is empty. Failures that concern one request do not count.
    """

    def __init__(self, after: int) -> None:
        """Open after `after` failures."""
        self._after = after
        self._equal_failures = 0
        self._has_served = False
        self._is_open = False
        self._last: tuple[str, str] | None = None
        self._message = ""

    @property
    def is_open(self) -> bool:
        """Whether no further call may be made."""
        return self._is_open

    def raise_if_open(self) -> None:
        """Refuse a call if the breaker is open.

        Raises:
            PermanentError: with the message of the last failure.
        """
        if self._is_open:
            msg = f"not asked, as {self._message}"
            raise PermanentError(msg, reason="given_up", attempts=0)

    def record_success(self) -> None:
        """Record a served call."""
        self._has_served = True
        self._equal_failures = 0
        self._last = None

    def record_failure(self, error: BackendError) -> None:
        """Record a call that failed finally."""
        if self._is_open or self._concerns_one_request(error):
            return
        if error.reason == INSUFFICIENT_QUOTA:
            self.open(f"the account is empty: {error}")
            return
        # Refusals are equal if their messages are; messages of a bad connection vary.
        words = str(error) if isinstance(error, PermanentError) else ""
        kind = (error.reason, words)
        self._equal_failures = self._equal_failures + 1 if kind == self._last else 1
        self._last = kind
        if self._equal_failures >= self._find_limit(error):
            self.open(f"{self._equal_failures} calls in a row failed alike: {error}")

    def open(self, reason: str) -> None:
        """Allow no further call.

        Args:
            reason: completes the sentence "not asked, as ...".
        """
        self._is_open = True
        self._message = reason

    def _concerns_one_request(self, error: BackendError) -> bool:
        if isinstance(error, (ContextLengthError, AmbiguousOptionError)):
            return True
        if error.reason == CONTENT_FILTER:
            return True
        return self._has_served and error.reason in _MAYBE_OF_ONE_REQUEST

    def _find_limit(self, error: BackendError) -> int:
        has_patience = self._has_served and error.reason == _SERVER_ERROR
        return self._after * (_PATIENCE_AFTER_SUCCESS if has_patience else 1)
