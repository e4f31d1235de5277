"""The replies of the test server: completions in the form of OpenAI's servers, and failures."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from aiohttp import web

from evalharness.backends.scripted import (
    count_tokens,
    find_allowed_marks,
    make_option_probabilities,
    make_reply,
    make_structured_reply,
)
from evalharness.domain import Message, Role

TOP_TOKENS = 20
_DRIP_S = 0.02


class Behavior(StrEnum):
    """How the server handles one call."""

    OK = "ok"
    RATE_LIMITED = "rate_limited"  # 429 with `retry-after: 7`
    RATE_LIMITED_MS = "rate_limited_ms"  # 429 with `retry-after-ms: 1500`
    SERVER_ERROR = "server_error"
    HANG = "hang"
    DRIP = "drip"  # a byte from time to time, and never the last one
    OVERLOADED = "overloaded"  # 503
    FORBIDDEN = "forbidden"  # 403
    BAD_REQUEST = "bad_request"  # 400
    DISCONNECT = "disconnect"
    HALF_JSON = "half_json"  # a complete body with truncated JSON
    CUT = "cut"  # a body shorter than its announced length
    EMPTY = "empty"
    NULL = "null"
    TRUNCATED = "truncated"  # finish_reason `length`
    NO_CHOICES = "no_choices"
    NO_LOGPROBS = "no_logprobs"
    WRONG_TYPE = "wrong_type"
    CONTEXT_LENGTH = "context_length"
    NO_QUOTA = "no_quota"  # a 429 that waiting does not help
    UNAUTHORIZED = "unauthorized"  # echoes the key that was sent
    NOT_FOUND = "not_found"
    REDIRECT = "redirect"
    FORGING = "forging"  # an error whose text has commands for a terminal
    ECHO_KEY = "echo_key"  # a good reply that contains the key
    REFUSAL = "refusal"  # the model will not answer, in a field of its own
    FOR_FIRST = "for_first"  # a judge that prefers the first place, and grades everyone 9
    NOISY = "noisy"  # a judge with another verdict every time
    THINKS_APART = "thinks_apart"  # a thought in a field of its own, as servers with a parser send
    THINKS_INSIDE = "thinks_inside"  # the same thought in the text, between marks
    THINKS_UNOPENED = "thinks_unopened"  # the same where the prompt opened it: only its end is seen
    NEEDS_NEWER_LIMIT = "needs_newer_limit"  # refuses max_tokens, as reasoning models do


THOUGHT = "Is B the better one, [[B]]? Or a [[1]]? As an AI made by OpenAI, I must weigh it."
"""A thought that would change verdicts, grades, lengths and flags if it were read as an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it arrived."""

    number: int
    path: str
    model: str
    digest: str
    body: dict[str, Any]
    headers: dict[str, str]


def reply(behavior: Behavior, call: Call) -> web.Response:
    """Return the reply of the server."""
    if behavior is Behavior.NEEDS_NEWER_LIMIT and "max_tokens" not in call.body:
        behavior = Behavior.OK
    if behavior in _THINKING:
        return json_reply(_thoughtful_completion(behavior, call))
    if behavior in (Behavior.FOR_FIRST, Behavior.NOISY):
        return json_reply(_biased_completion(behavior, call))
    return _error(behavior, call) if behavior in _ERRORS else _faulty_completion(behavior, call)


_ERRORS: dict[Behavior, tuple[int, str, str | None, dict[str, str]]] = {
    Behavior.RATE_LIMITED: (429, "Rate limit reached", None, {"retry-after": "7"}),
    Behavior.RATE_LIMITED_MS: (429, "Rate limit reached", None, {"retry-after-ms": "1500"}),
    Behavior.OVERLOADED: (503, "The server is overloaded", None, {}),
    Behavior.FORBIDDEN: (403, "Your country is not supported", None, {}),
    Behavior.BAD_REQUEST: (400, "temperature must be at most 2", None, {}),
    Behavior.SERVER_ERROR: (500, "The server had an error", None, {}),
    Behavior.CONTEXT_LENGTH: (
        400,
        "This model's maximum context length is 2048 tokens, you asked for 3000",
        "context_length_exceeded",
        {},
    ),
    Behavior.NO_QUOTA: (429, "You exceeded your current quota", "insufficient_quota", {}),
    Behavior.UNAUTHORIZED: (401, "Incorrect API key provided: {key}", "invalid_api_key", {}),
    Behavior.NOT_FOUND: (404, "The model {model} does not exist", "model_not_found", {}),
    Behavior.REDIRECT: (307, "Moved", None, {"Location": "https://elsewhere.invalid/{key}"}),
    Behavior.FORGING: (
        400,
        "\x1b]0;owned\x07\x1b[2J no\nevalharness: all is well\r\n\x9b31m\u202e",
        None,
        {},
    ),
    Behavior.NEEDS_NEWER_LIMIT: (
        400,
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "unsupported_parameter",
        {},
    ),
}


def _error(behavior: Behavior, call: Call) -> web.Response:
    status, message, code, headers = _ERRORS[behavior]
    key = call.headers.get("Authorization", "").removeprefix("Bearer ")
    error = {"message": message.format(key=key, model=call.model), "code": code}
    sent = {name: value.format(key=key) for name, value in headers.items()}
    return json_reply({"error": error}, status=status, headers=sent)


def _faulty_completion(behavior: Behavior, call: Call) -> web.Response:
    completion = completion_of(call)
    choice = completion["choices"][0]
    said = choice.get("message", choice)
    field = "content" if "message" in choice else "text"
    match behavior:
        case Behavior.EMPTY:
            said[field] = ""
        case Behavior.NULL:
            said[field] = None
        case Behavior.TRUNCATED:
            choice["finish_reason"] = "length"
        case Behavior.NO_CHOICES:
            completion["choices"] = []
        case Behavior.NO_LOGPROBS:
            choice["logprobs"] = None
        case Behavior.REFUSAL:
            said[field], said["refusal"] = None, "I cannot judge these."
        case Behavior.ECHO_KEY:
            echo = f"You sent {call.headers.get('Authorization')}."
            said[field] = f"{echo} {said[field]}"
            said["reasoning_content"], completion["model"] = echo, f"model-1 {echo}"
        case Behavior.HALF_JSON:
            text = msgspec.json.encode(completion).decode()
            return web.Response(text=text[: len(text) // 2], content_type="application/json")
        case Behavior.WRONG_TYPE:
            page = f"<html>Sign in, {call.headers.get('Authorization')}</html>"
            return web.Response(text=page, content_type="text/html")
    return json_reply(completion)


_THINKING = (Behavior.THINKS_APART, Behavior.THINKS_INSIDE, Behavior.THINKS_UNOPENED)


def _thoughtful_completion(behavior: Behavior, call: Call) -> dict[str, Any]:
    """Return a chat completion with a thought before the reply."""
    completion = completion_of(call)
    message = completion["choices"][0]["message"]
    opening = "<think>\n" if behavior is Behavior.THINKS_INSIDE else ""
    if behavior is Behavior.THINKS_APART:
        message |= {"reasoning_content": THOUGHT, "content": f"\n\n{message['content']}"}
    else:
        message["content"] = f"{opening}{THOUGHT}\n</think>\n\n{message['content']}"
    return completion


def _biased_completion(behavior: Behavior, call: Call) -> dict[str, Any]:
    """Return a chat completion of a judge with habits."""
    completion, messages = completion_of(call), _messages(call.body)
    text = make_reply(call.model, messages, call.number)
    if behavior is Behavior.FOR_FIRST:
        is_pairwise = any("[[A]]" in message.content for message in messages)
        text = "My verdict: [[A]]" if is_pairwise else "Rating: [[9]]"
    completion["choices"][0]["message"]["content"] = text
    return completion


async def cut_reply(request: web.Request, call: Call) -> web.StreamResponse:
    """Announce the length of a body, and close the connection in the middle of it."""
    body = msgspec.json.encode(completion_of(call))
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": str(len(body))}
    )
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    request.transport.close()
    return response


async def dripping_reply(request: web.Request, closing: asyncio.Event) -> web.StreamResponse:
    """Begin a reply, and add spaces to it until the server or the client closes it."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while not closing.is_set():
        await response.write(b" ")
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), _DRIP_S)
    return response


def completion_of(call: Call) -> dict[str, Any]:
    """Return a completion in the form of OpenAI's servers, with the fields that clients read."""
    messages = _messages(call.body)
    text = _text(call, messages)
    prompt_tokens = sum(count_tokens(message.content) for message in messages)
    completion_tokens = count_tokens(text)
    is_chat = "messages" in call.body
    said = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
    return {
        "id": f"cmpl-{call.number}",
        "object": "chat.completion" if is_chat else "text_completion",
        "created": 0,
        "model": call.model,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": _logprobs(call, messages) if call.body.get("logprobs") else None,
                **said,
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": prompt_tokens // 2},
        },
    }


def _text(call: Call, messages: list[Message]) -> str:
    seed, form = call.body.get("seed"), call.body.get("response_format")
    asks_for_json = any('"reasons"' in message.content for message in messages)
    if form is None and not asks_for_json:
        return make_reply(call.model, messages, seed)
    if form is None or form["type"] == "json_object":
        is_grade = any('"score"' in message.content for message in messages)
        decision = {"score": 7} if is_grade else {"verdict": "A"}
        return msgspec.json.encode({"reasons": "It is clear."} | decision).decode()
    return make_structured_reply(call.model, messages, form["json_schema"]["schema"], seed)


def _messages(body: dict[str, Any]) -> list[Message]:
    if "messages" not in body:
        return [Message(role=Role.USER, content=body["prompt"])]
    return [
        Message(role=Role(message["role"]), content=message["content"])
        for message in body["messages"]
    ]


def _logprobs(call: Call, messages: list[Message]) -> dict[str, Any]:
    """Return the probabilities of the requested verdicts, in the form of each endpoint."""
    tokens = find_allowed_marks(messages) or ("This", "The", "I")
    shares = make_option_probabilities(call.model, messages, tokens, call.body.get("seed"))
    logs = {
        token: math.log(share) if share else -9999.0
        for token, share in zip(tokens, shares, strict=True)
    }
    top = dict(sorted(logs.items(), key=lambda pair: -pair[1])[:TOP_TOKENS])
    first = next(iter(top))
    if "messages" not in call.body:
        return {"tokens": [first], "token_logprobs": [top[first]], "top_logprobs": [top]}
    listed = [{"token": token, "logprob": log, "bytes": None} for token, log in top.items()]
    return {"content": [{**listed[0], "top_logprobs": listed}]}


def json_reply(content: Any, **keywords: Any) -> web.Response:
    """Return a response with this content."""
    return web.Response(
        body=msgspec.json.encode(content), content_type="application/json", **keywords
    )
