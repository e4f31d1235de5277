"""The process in which templates are rendered that could take time or memory without end.

It reads requests as lines of JSON and answers each with one. Where a template takes longer than it
may, the process ends itself, even inside a single long computation; the next request gets
another process.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from typing import Any, BinaryIO

from evalharness.backends.templates.template_kinds import TemplateKind, render_here
from evalharness.errors import ConfigError


def answer_requests(requests: BinaryIO, replies: BinaryIO) -> None:
    """Render one template after another, until there are no more requests.

    Args:
        requests: lines of JSON with `kind`, `template`, `variables`, `date`, `seconds`,
            `memory_bytes` and `characters`.
        replies: where lines of JSON go, with a `text` or an `error`.
    """
    for line in requests:
        request = json.loads(line)
        _limit_memory(request["memory_bytes"])
        faulthandler.dump_traceback_later(request["seconds"], exit=True)
        reply = _render(request)
        faulthandler.cancel_dump_traceback_later()
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()


def _render(request: dict[str, Any]) -> dict[str, str]:
    kind = TemplateKind(request["kind"])
    try:
        text = render_here(kind, request["template"], request["variables"], request["date"])
    except ConfigError as error:
        is_too_large = isinstance(error.__cause__, MemoryError)
        return {"too_large" if is_too_large else "error": str(error)}
    return {"text": text} if len(text) <= request["characters"] else {"too_long": ""}


def _limit_memory(size: int) -> None:
    """Limit what this process may allocate beyond what it has now, where the system can do so."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - a hot path
            used = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + size, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    answer_requests(sys.stdin.buffer, sys.stdout.buffer)
