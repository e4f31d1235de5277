"""Define every error that evalharness raises deliberately.

All are `EvalHarnessError`:

- `ConfigError`: a setting is wrong, or something it needs is missing; nothing was changed.
    - `RunConflictError`: the run's folder holds results of different settings.
- `InputError`: a file has wrong content (file, line, remedy).
- `BattlesError`: battles given as arrays or a table are invalid (also a `ValueError`).
- `RunLockedError`: another process is writing this run.
- `RunStoppedError`: a call was not made, because the run is stopping.
- `DisconnectedError`: the comparisons do not connect the models (also a `ValueError`).
- `SeparationError`: a rating has no finite maximum-likelihood value (also a `ValueError`).
- `ConvergenceError`: an iterative fit did not converge (also an `ArithmeticError`).
- `BackendError`: a call to a model failed; becomes a `Failure` row.
    - `TransientError`: the request may succeed later (timeouts, 408/409/429/5xx, lost connections).
    - `PermanentError`: the request can never succeed (400/401/403/404, a prompt that is too long).
        - `ContextLengthError`: the conversation does not fit the model's context.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class EvalHarnessError(Exception):
    """The base class of all errors of evalharness."""


class ConfigError(EvalHarnessError):
    """A setting is wrong, or something it needs is missing; nothing was changed."""


class RunConflictError(ConfigError):
    """The run's folder holds results of different settings."""


class InputError(EvalHarnessError):
    """A file has wrong content.

    Attributes:
        path: the file.
        line: the line, counted from 1; None for the whole file.
    """

    def __init__(self, message: str, *, path: Path | str, line: int | None = None) -> None:
        place = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{place}: {message}")
        self.path = path
        self.line = line


class BattlesError(EvalHarnessError, ValueError):
    """Battles given as arrays or as a table are invalid."""


class RunLockedError(EvalHarnessError):
    """Another process is writing this run."""


class RunStoppedError(EvalHarnessError):
    """A call was not made, because the run is stopping; running the command again makes it."""


class DisconnectedError(EvalHarnessError, ValueError):
    """The comparisons do not connect all models, so their ratings have no common scale."""


class SeparationError(EvalHarnessError, ValueError):
    """A model won or lost everything, so its maximum-likelihood rating is infinite."""


class ConvergenceError(EvalHarnessError, ArithmeticError):
    """An iterative fit stopped before it converged."""


class BackendError(EvalHarnessError):
    """A call to a model failed.

    Attributes:
        reason: a short slug for tables (`timeout`, `http_429`, `context_length`).
        attempts: the number of attempts.
    """

    def __init__(self, message: str, *, reason: str, attempts: int = 1) -> None:
        super().__init__(message)
        self.reason = reason
        self.attempts = attempts


class TransientError(BackendError):
    """The same request may succeed later.

    Attributes:
        retry_after_s: the wait in seconds that the server requested; None if it did not.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        attempts: int = 1,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, reason=reason, attempts=attempts)
        self.retry_after_s = retry_after_s


class PermanentError(BackendError):
    """The same request can never succeed."""


class ContextLengthError(PermanentError):
    """The conversation and the requested reply do not fit the model's context."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="context_length")


def suggest_close_match(word: str, allowed: Sequence[str]) -> str:
    """Return `; did you mean ...?`, or an empty text when no allowed word is similar."""
    text = str(word)
    close = (
        difflib.get_close_matches(text, allowed, n=3, cutoff=0.5)
        or [each for each in allowed if each and (text.startswith(each) or each.startswith(text))][
            :3
        ]
    )
    return f"; did you mean {' or '.join(close)}?" if close else ""
