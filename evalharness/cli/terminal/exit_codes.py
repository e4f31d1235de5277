"""Convert the outcome of a command to an exit code.

Exit codes: 0 done; 1 done, but something failed and is listed; 2 refused, and nothing was done;
70 an unexpected error; 130 interrupted, and the same command resumes; 141 the reader of the output
closed it. `compare` has its own codes: 0 not worse, 1 worse, 3 cannot tell. So has
`audit --against`: 0 no change found, 1 changed, 3 cannot tell.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from evalharness.cli.terminal.output import print_error
from evalharness.cli.terminal.parser import ParserExit
from evalharness.cli.terminal.unexpected_error import UNEXPECTED, report_unexpected_error
from evalharness.errors import EvalHarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHOWN_PATH = 60  # characters
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
OK, FAILED, REFUSED, CANNOT_TELL, INTERRUPTED, OUTPUT_CLOSED = 0, 1, 2, 3, 130, 141


def exit_code_of(
    command: Callable[[], int], *, is_decision: bool = False, debug: bool = False
) -> int:
    """Run a command and return its exit code.

    A code below `UNEXPECTED` is only what the command returned, or a refusal: an error that
    evalharness does not raise itself, in any thread, is `UNEXPECTED`.

    Args:
        command: does the work and returns the exit code.
        is_decision: whether the codes of the command are decisions. Then a disk that fails is a
            refusal, and never the code that stands for a decision.
        debug: whether tracebacks are printed and not written to a file.

    Raises:
        ParserExit: the arguments ask for help, or are refused.
    """
    code, unexpected = OK, list[BaseException]()
    try:
        with _collect_thread_errors(unexpected):
            code = command()
            if sys.stdout is not None:
                sys.stdout.flush()
    except ParserExit:
        raise
    except EvalHarnessError as error:
        _print_error(str(error))
        return REFUSED
    except OSError as error:
        return _report_os_error(error, is_decision=is_decision)
    except KeyboardInterrupt:
        _print_error("interrupted; the same command resumes")
        return INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - also a library's SystemExit: it decides nothing
        unexpected.append(error)
    for each in unexpected:
        report_unexpected_error(each, debug=debug)
    return UNEXPECTED if unexpected else code


def prepare_output() -> None:
    """Make output possible: to streams that are closed, and of characters that they cannot hold."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _collect_thread_errors(errors: list[BaseException]) -> Iterator[None]:
    """Add the errors that end other threads to a list."""

    def collect(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
            errors.append(ended.exc_value)

    before, threading.excepthook = threading.excepthook, collect
    try:
        yield
    finally:
        threading.excepthook = before


def _report_os_error(error: OSError, *, is_decision: bool) -> int:
    """Print what a disk or a stream refused, and return the exit code."""
    is_closed = isinstance(error, BrokenPipeError) and _is_output_closed()
    _drop_unwritten_output()
    if is_closed:
        return OUTPUT_CLOSED
    reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if error.errno == errno.ENAMETOOLONG:
        _print_error(f"{str(error.filename)[:_SHOWN_PATH]}...: this name is too long for a file")
        return REFUSED
    if is_decision:
        _print_error(f"{reason}: nothing was decided")
        return REFUSED
    if error.errno in _NOT_ALLOWED:
        _print_error(f"{reason}; let this user read and write there, or choose another folder")
        return REFUSED
    _print_error(f"{error}; what was done is kept, and the same command resumes")
    return FAILED


def _is_output_closed() -> bool:
    """Return whether the reader of stdout is gone."""
    try:
        output = sys.stdout.fileno()
    except OSError:  # not a file
        return False
    state = select.poll()
    state.register(output, 0)  # errors are reported in any case
    return bool(state.poll(0))


def _drop_unwritten_output() -> None:
    """Drop what stdout does not take: Python would try again at its end, and change the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _print_error(text: str) -> None:
    with suppress(OSError):  # stderr is closed or on a full disk: the exit code still holds
        print_error(text)
