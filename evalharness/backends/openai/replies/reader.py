"""Choose the function that reads the replies of a model's endpoint."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from evalharness.backends.openai.completion_reply import read_completion
from evalharness.backends.openai.replies.limits import drop_absurd_counts, refuse_deep_nesting
from evalharness.backends.openai.replies.option_probabilities import AmbiguousOptionError
from evalharness.backends.openai.request_body import render_prompt
from evalharness.backends.openai.responses_api import read_response
from evalharness.backends.openai.settings import get_openai_settings
from evalharness.domain import BenchmarkRequest, opens_reasoning
from evalharness.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalharness.backends.openai.settings import OpenAISettings
    from evalharness.backends.scrubber import Scrubber
    from evalharness.domain import Completion, ModelSpec, Request


def choose_reader(spec: ModelSpec, scrubber: Scrubber) -> Callable[[bytes, Request], Completion]:
    """Return the function that reads the replies of a model's endpoint, within its limits.

    Args:
        spec: the model.
        scrubber: removes the secrets that a server repeats.
    """
    read, settings = _choose_by_endpoint(spec), get_openai_settings(spec)
    return partial(_read_within_limits, read, settings, scrubber)


def _choose_by_endpoint(spec: ModelSpec) -> Callable[[bytes, Request], Completion]:
    match get_openai_settings(spec).endpoint:
        case "responses":
            return read_response
        case "completions":
            return partial(_read_continuation, spec)
        case _:
            return read_completion


def _read_within_limits(
    read: Callable[[bytes, Request], Completion],
    settings: OpenAISettings,
    scrubber: Scrubber,
    content: bytes,
    request: Request,
) -> Completion:
    """Return the completion in a reply without secrets, if its form is within the limits.

    Raises:
        msgspec.MsgspecError: the content is not a completion, or nested too deep.
        BackendError: as `read` does.
    """
    refuse_deep_nesting(content, settings.max_reply_nesting)

    def clean(completion: Completion) -> Completion:
        known = drop_absurd_counts(completion, settings.max_reply_tokens)
        return scrubber.scrub_completion(known)

    try:
        return clean(read(content, request))
    except BackendError as error:
        scrubber.scrub_error(error)
        if isinstance(error, AmbiguousOptionError) and error.completion is not None:
            error.completion = clean(error.completion)
        raise


def _read_continuation(spec: ModelSpec, content: bytes, request: Request) -> Completion:
    """Return the completion after a prompt of ours, which may have opened a thought."""
    if isinstance(request, BenchmarkRequest):
        return read_completion(content, request)
    return read_completion(content, request, opened=opens_reasoning(render_prompt(spec, request)))
