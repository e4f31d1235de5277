"""Replies of the test server in the form of OpenAI's Responses API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from server_replies import completion_of, json_reply

if TYPE_CHECKING:
    from aiohttp import web
    from server_replies import Call

THOUGHT = "The user wants an answer."
_REFUSED = ("messages", "max_tokens", "max_completion_tokens", "seed", "stop", "response_format")


def responses_reply(call: Call) -> web.Response:
    """Return the reply to a request of the Responses API; refuse fields that only chat has."""
    body = call.body
    wrong = [name for name in _REFUSED if name in body]
    if wrong or body.get("max_output_tokens", 16) < 16 or body.get("store") is not False:
        message = f"Unsupported parameter: '{(wrong or ['max_output_tokens'])[0]}'."
        return json_reply({"error": {"message": message}}, status=400)
    return json_reply(_response_of(replace(call, body=_as_chat(body))))


def _as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """Return the chat request that asks for the same."""
    system = [{"role": "system", "content": body["instructions"]}] if "instructions" in body else []
    chat = {**body, "messages": [*system, *body["input"]]}
    if "text" in body:
        form = body["text"]["format"]
        chat["response_format"] = {"type": form["type"], "json_schema": form}
    if "include" in body:
        chat["logprobs"] = True
    return chat


def _response_of(call: Call) -> dict[str, Any]:
    completion = completion_of(call)
    choice, used = completion["choices"][0], completion["usage"]
    logprobs = (choice["logprobs"] or {}).get("content", [])
    text = {"type": "output_text", "text": choice["message"]["content"], "logprobs": logprobs}
    return {
        "id": f"resp-{call.number}",
        "object": "response",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": call.model,
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
            {"type": "message", "role": "assistant", "content": [text]},
        ],
        "usage": {
            "input_tokens": used["prompt_tokens"],
            "output_tokens": used["completion_tokens"] + 5,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 5},
        },
    }
