"""How long to wait before a failed call is made again."""

from __future__ import annotations

import random

from evalharness.backends.openai.error_reply import MAX_RETRY_AFTER_S
from evalharness.errors import BackendError, TransientError

_FIRST_BACKOFF_S = 0.5
_MAX_DOUBLINGS = 16


def draw_backoff_s(failure: BackendError) -> float | None:
    """Return the seconds to wait: what the server requested, or a random part of a growing span.

    The wait is drawn from the whole span (full jitter: M. Brooker, "Exponential backoff and jitter",
    2015), so that calls that failed together are not retried together. None if the same request can
    never succeed.
    """
    if not isinstance(failure, TransientError):
        return None
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    span_s = _FIRST_BACKOFF_S * 2.0 ** min(failure.attempts - 1, _MAX_DOUBLINGS)
    return random.uniform(0.0, min(MAX_RETRY_AFTER_S, span_s))
