"""What a request to a server holds, and what it leaves out."""

from __future__ import annotations

import json

from endpoint_model import model, request

from evalharness.backends.openai.request_body import build_request_body
from evalharness.domain import build_conversation


def test_earlier_thoughts_are_sent_to_templates_that_ask_and_to_nobody_else():
    """A chat endpoint is sent answers only; a template of ours may show thoughts."""
    messages = build_conversation(["Hi!", "Why?"], ["Hello."], None, ["A greeting."])
    template = "{% for m in messages %}{{ m.reasoning_content or '' }}{{ m.content }}|{% endfor %}"
    servers = (
        model("http://127.0.0.1:1/v1"),
        model("http://127.0.0.1:1/v1", endpoint="completions", template=template),
    )

    chat, text = (build_request_body(spec, request(messages=messages)) for spec in servers)

    assert "greeting" not in json.dumps(chat)
    assert text["prompt"] == "Hi!|A greeting.Hello.|Why?|"
