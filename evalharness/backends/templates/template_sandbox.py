"""Render templates within limits of time, memory and length.

A template that comes with weights or a bundle may loop without end. One whose time is proportional to its texts
(`is_bounded_template`) is rendered in this process; all others are rendered in a process of their own.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from functools import cache
from typing import IO, TYPE_CHECKING, Any, cast

from evalharness.backends.templates import sandbox_process
from evalharness.backends.templates.template_kinds import (
    TemplateKind,
    can_render_here,
    render_here,
)
from evalharness.domain import TemplateLimits
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_LIMITS = TemplateLimits()
_BYTES_PER_MB = 1_000_000


def render_template(
    kind: TemplateKind,
    template: str,
    variables: Mapping[str, Any],
    *,
    limits: TemplateLimits,
    date: str | None = None,
) -> str:
    """Return the text that a template gives.

    Args:
        kind: what the template is written for.
        template: Jinja text.
        variables: what the template may print: values that JSON can hold.
        limits: the time, memory and length that it may take.
        date: the day that `strftime_now` gives, in ISO 8601; without one it is not defined.

    Raises:
        ConfigError: the template is broken, does not take these variables, or takes more than
            the limits.
    """
    if can_render_here(kind, template):
        text = render_here(kind, template, variables, date)
        if len(text) > limits.characters:
            raise ConfigError(_describe_length(limits))
        return text
    return _find_sandbox(os.getpid()).render(kind, template, variables, date, limits)


def render_judge_template(
    template: str, variables: Mapping[str, Any], limits: TemplateLimits = DEFAULT_LIMITS
) -> str:
    """Return the text that a template of a judge's prompt gives.

    Args:
        template: Jinja text.
        variables: what the template may print: values that JSON can hold.
        limits: the time, memory and length that it may take.

    Raises:
        ConfigError: the template is broken, does not take these variables, or takes more than
            the limits.
    """
    return render_template(TemplateKind.JUDGE_PROMPT, template, variables, limits=limits)


class _Sandbox:
    """A process that renders templates, started when it is first needed.

    A template that took too long is not tried again: a run would wait as long at each prompt.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._endless: set[tuple[str, TemplateLimits]] = set()

    def render(
        self,
        kind: TemplateKind,
        template: str,
        variables: Mapping[str, Any],
        date: str | None,
        limits: TemplateLimits,
    ) -> str:
        """Return the text that a template gives; the arguments are those of `render_template`."""
        request = {
            "kind": kind,
            "template": template,
            "variables": variables,
            "date": date,
            "seconds": limits.seconds,
            "memory_bytes": int(limits.memory_mb * _BYTES_PER_MB),
            "characters": limits.characters,
        }
        with self._lock:
            is_endless = (template, limits) in self._endless
            reply = None if is_endless else self._ask(json.dumps(request).encode() + b"\n")
            if reply is None:
                self._endless.add((template, limits))
                raise ConfigError(_describe_time(limits))
        match json.loads(reply):
            case {"text": str(text)}:
                return text
            case {"error": error}:
                raise ConfigError(error)
            case {"too_large": _}:
                raise ConfigError(_describe_memory(limits))
            case _:
                raise ConfigError(_describe_length(limits))

    def _ask(self, request: bytes) -> bytes | None:
        """Return the reply to a request; None if the process ended instead."""
        process = self._process = self._process or _start_process()
        requests, replies = cast("tuple[IO[bytes], IO[bytes]]", (process.stdin, process.stdout))
        try:
            requests.write(request)
            requests.flush()
            reply = replies.readline()
        except BrokenPipeError:
            reply = b""
        if reply.endswith(b"\n"):
            return reply
        self.close()
        return None

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@cache
def _find_sandbox(process: int) -> _Sandbox:  # noqa: ARG001 - a forked process has its own
    sandbox = _Sandbox()
    atexit.register(sandbox.close)
    return sandbox


def _start_process() -> subprocess.Popen[bytes]:
    """Start the process, without the variables of the environment, where keys may stand."""
    return subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-m", sandbox_process.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        start_new_session=True,  # Ctrl-C is for the run
    )


def _describe_time(limits: TemplateLimits) -> str:
    return f"it takes more than {limits.seconds:g} seconds (template_limits.seconds)"


def _describe_memory(limits: TemplateLimits) -> str:
    return f"it takes more than {limits.memory_mb:,} MB of memory (template_limits.memory_mb)"


def _describe_length(limits: TemplateLimits) -> str:
    return f"its text has more than {limits.characters:,} characters (template_limits.characters)"
