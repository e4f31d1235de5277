"""Convert the outcome of a command to an exit code.

Exit codes: 0 done; 1 done, but something failed and is listed; 2 refused, and nothing was done;
130 interrupted, and the same command resumes. `compare` has its own codes: 0 not worse, 1 worse,
3 cannot tell. So has `audit --against`: 0 no change found, 1 changed, 3 cannot tell.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from evalharness.cli.terminal.output import print_error
from evalharness.errors import EvalHarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def exit_code_of(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; print a traceback only for a bug."""
    try:
        return command()
    except EvalHarnessError as error:
        print_error(str(error))
        return REFUSED
    except OSError as error:
        print_error(f"{error}; what was done is kept, and the same command resumes")
        return FAILED
    except KeyboardInterrupt:
        print_error("interrupted; the same command resumes")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - Python's own report would print the values of variables too
        print_error(f"{traceback.format_exc()}this is a bug in evalharness; what was done is kept")
        return FAILED
