"""Choose the function that reads the replies of a model's endpoint."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from evalharness.backends.openai.completion_reply import read_completion
from evalharness.backends.openai.request_body import render_prompt
from evalharness.backends.openai.responses_api import read_response
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.domain import BenchmarkRequest, opens_reasoning

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.domain import Completion, ModelSpec, Request


def choose_reader(spec: ModelSpec) -> Callable[[bytes, Request], Completion]:
    """Return the function that reads the replies of a model's endpoint."""
    match get_openai_settings(spec).endpoint:
        case "responses":
            return read_response
        case "completions":
            return partial(_read_continuation, spec)
        case _:
            return read_completion


def _read_continuation(spec: ModelSpec, content: bytes, request: Request) -> Completion:
    """Return the completion after a prompt of ours, which may have opened a thought."""
    if isinstance(request, BenchmarkRequest):
        return read_completion(content, request)
    return read_completion(content, request, opened=opens_reasoning(render_prompt(spec, request)))
