"""Generate replies by a function: for tests, demonstrations, and runs without a model.

`ScriptedBackend` calls a given function. The configured backend (`backend: scripted`) derives its
replies from a hash of the conversation, so that every run is the same: a judge's prompt is answered
with a verdict in the requested form, any other prompt with a few sentences.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import TYPE_CHECKING, Any

from evalharness.backends.definition import BackendDefinition
from evalharness.domain import Completion, compute_digest
from evalharness.judge import FIVE_LEVEL_MARKS, SCORE_SCALE, VERDICT_MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.domain import Message, ModelSpec, Request

_OTHER_TEXT_PROBABILITY = 0.05  # of texts that are not among the options
_GRADE_REQUEST = re.compile(r"\[\[(n|rating|\d+)\]\]|double (square )?brackets")
_SENTENCES = (
    "It depends on what you want to do.",
    "The main point comes first, and the details follow from it.",
    "A short example makes this plain.",
    "There are two ways to look at it.",
    "Most people would begin with the simpler one.",
    "In the end the numbers agree.",
)


class ScriptedBackend:
    """A backend that calls a function.

    Attributes:
        requests: all requests so far, in order.
    """

    def __init__(
        self, reply: Callable[[Request], str | Completion | Exception], *, latency_s: float = 0.0
    ) -> None:
        """Call `reply` after a latency; an exception that it returns is raised."""
        self.requests: list[Request] = []
        self._reply = reply
        self._latency_s = latency_s

    async def complete(self, request: Request) -> Completion:
        """Return the completion that the function returns, or its text as a completion."""
        self.requests.append(request)
        await asyncio.sleep(self._latency_s)
        match self._reply(request):
            case Exception() as error:
                raise error
            case str(text):
                return Completion(text=text)
            case Completion() as completion:
                return completion

    async def close(self) -> None:
        """Do nothing, as nothing was opened."""


def connect(spec: ModelSpec) -> ScriptedBackend:
    """Return a model whose replies depend on a hash of its name and of the conversation."""
    return ScriptedBackend(lambda request: _make_completion(spec.name, request))


def _make_completion(model: str, request: Request) -> Completion:
    variation = [request.sampling.seed, request.sample]
    if request.options:
        shares = make_option_probabilities(model, request.messages, request.options, variation)
        likeliest = request.options[shares.index(max(shares))]
        return Completion(text=likeliest, finish_reason="length", option_probabilities=shares)
    if request.schema is None:
        text = make_reply(model, request.messages, variation)
    else:
        text = make_structured_reply(model, request.messages, request.schema, variation)
    return Completion(
        text=text,
        prompt_tokens=sum(count_tokens(message.content) for message in request.messages),
        completion_tokens=count_tokens(text),
    )


def make_reply(model: str, messages: Sequence[Message], variation: object = None) -> str:
    """Return a model's reply: a verdict for a judge's prompt, sentences for any other prompt."""
    if marks := find_allowed_marks(messages):
        shares = make_option_probabilities(model, messages, marks, variation)
        mark = marks[shares.index(max(shares))]
        return f"I weighed what was asked against what was said.\n\nMy verdict: [[{mark}]]"
    draw = _make_random(model, messages, variation)
    sentences = draw.sample(_SENTENCES, k=draw.randint(1, len(_SENTENCES)))
    return f"This is reply {draw.getrandbits(32):08x} of {model}. {' '.join(sentences)}"


def make_structured_reply(
    model: str, messages: Sequence[Message], schema: Mapping[str, Any], variation: object = None
) -> str:
    """Return a flat JSON object that matches a schema of texts and enumerations."""
    draw = _make_random(model, messages, variation)
    fields = {
        name: draw.choice(field.get("enum", _SENTENCES))
        for name, field in schema["properties"].items()
    }
    return json.dumps(fields)


def find_allowed_marks(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return the verdicts that a judge's prompt allows; none for other prompts."""
    text = "\n".join(message.content for message in messages)
    if all(f"[[{mark}]]" in text for mark in FIVE_LEVEL_MARKS):
        return FIVE_LEVEL_MARKS
    if "[[A]]" in text and "[[B]]" in text:
        return tuple(mark for mark in VERDICT_MARKS if f"[[{mark}]]" in text)
    return tuple(map(str, SCORE_SCALE)) if _GRADE_REQUEST.search(text) else ()


def make_option_probabilities(
    model: str, messages: Sequence[Message], options: Sequence[str], variation: object = None
) -> tuple[float, ...]:
    """Return a probability for each option; they sum to less than 1, as other texts have a share."""
    draw = _make_random(model, messages, variation)
    weights = [draw.random() ** 3 for _ in options]
    return tuple((1 - _OTHER_TEXT_PROBABILITY) * weight / sum(weights) for weight in weights)


def count_tokens(text: str) -> int:
    """Return the number of words, which stands for the number of tokens."""
    return len(text.split())


def _make_random(model: str, messages: Sequence[Message], variation: object) -> random.Random:
    """Return a random generator that is seeded by the model and the conversation."""
    said = [[message.role, message.content] for message in messages]
    return random.Random(compute_digest([model, said, variation]))


def _estimate_call_s(_spec: ModelSpec, _completion_tokens: float) -> float:
    return 0.0


BACKEND = BackendDefinition(
    connect=connect,
    estimate_call_s=_estimate_call_s,
    reads_prompts=False,
    is_self_contained=True,
)
