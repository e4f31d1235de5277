"""Print lines on a terminal so that third-party text cannot imitate the program's own output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from evalharness.config import find_secrets, redact
from evalharness.domain import escape_lines, escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable


def print_lines(lines: Iterable[str]) -> None:
    """Print texts on stdout, one line each: line breaks and control characters are escaped."""
    for line in lines:
        sys.stdout.write(f"{escape_to_one_line(line)}\n")


def print_problems(lines: Iterable[str]) -> None:
    """Print texts on stderr, one line each: line breaks and control characters are escaped."""
    for line in lines:
        print_error(escape_to_one_line(line))


def print_error(text: str) -> None:
    """Print an error on stderr, with API keys redacted and control characters escaped."""
    safe = escape_lines(redact(text, find_secrets()))
    sys.stderr.write(f"evalharness: {safe}\n")
