"""An endpoint that continues texts has its thoughts opened by a prompt of ours, so they are known."""

from __future__ import annotations

import msgspec
import pytest
from endpoint_model import model, request

from evalharness.backends import Scrubber
from evalharness.backends.openai.replies.reader import choose_reader

PLAIN = "{{ messages[0].content }} ASSISTANT:"


def _read(template, text, finish_reason="stop"):
    spec = model("http://127.0.0.1:1/v1", endpoint="completions", template=template)
    choice = {"text": text, "finish_reason": finish_reason}
    return choose_reader(spec, Scrubber())(msgspec.json.encode({"choices": [choice]}), request())


def test_a_thought_that_the_prompt_opened_is_known_without_any_mark():
    """The budget ended inside it, and the verdict in it is none."""
    text = "First, B looks better [[B]]. But wait, let me"

    opened = _read(PLAIN + "<think>", text, "length")
    plain = _read(PLAIN, text, "length")

    assert (opened.text, opened.reasoning) == ("", text)
    assert (plain.text, plain.reasoning) == (text, None)


@pytest.mark.parametrize("text", [" Hm. </think> Aloha.", "<think>Hm.</think>Aloha."])
def test_its_end_divides_the_reply(text):
    """Some models open it again."""
    found = _read(PLAIN + "<think>", text)

    assert (found.text, found.reasoning) == ("Aloha.", "Hm.")


def test_a_prompt_that_opens_none_leaves_a_lone_mark_in_the_text():
    """It can only be the model's own words."""
    assert _read(PLAIN, "A tag\n</think>\n\nB").reasoning is None
