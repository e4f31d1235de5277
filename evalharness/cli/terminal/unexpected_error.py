"""Report an error that evalharness does not raise itself: one line, and the traceback in a file."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from contextlib import suppress

UNEXPECTED = 70
"""The exit code of an unexpected error, in any verb: EX_SOFTWARE of sysexits.h."""

_MAX_SUMMARY_LENGTH = 300


def report_unexpected_error(error: BaseException, *, debug: bool = False) -> None:
    """Print one line on stderr that says where the traceback is.

    It works without the rest of evalharness, of which any module may be what is broken.

    Args:
        error: the error.
        debug: whether the traceback is printed, and not written to a file.
    """
    text = _redact("".join(traceback.format_exception(error)))
    place = None if debug else _write_traceback(text)
    shown = f"Traceback in {place}, or here with --debug" if place else "Traceback above"
    line = (
        f"evalharness: unexpected error, {summarize_error(error)}: a bug in evalharness or its "
        f"installation, which decides nothing; what was done is kept. {shown}"
    )
    lines = [line] if place else [*text.splitlines(), line]
    with suppress(OSError):  # stderr is closed, or on a full disk: the exit code still holds
        sys.stderr.write("".join(f"{_escape(line)}\n" for line in lines))


def summarize_error(error: BaseException) -> str:
    """Return the type and the text of an error in one line, without keys."""
    text = " ".join(_redact(str(error)).split())
    shown = text if len(text) <= _MAX_SUMMARY_LENGTH else f"{text[:_MAX_SUMMARY_LENGTH]}..."
    return f"{type(error).__name__}{f': {shown}' if shown else ''}"


def _write_traceback(text: str) -> str | None:
    """Return the path of a new file that only this user can read; None if none can be written."""
    try:
        handle, path = tempfile.mkstemp(prefix="evalharness-error-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return None
    return path


def _redact(text: str) -> str:
    try:
        from evalharness.config import find_secrets, redact
    except Exception:  # noqa: BLE001 - a broken installation, with which no key was read
        return text
    return redact(text, find_secrets())


def _escape(line: str) -> str:
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in line
    )
