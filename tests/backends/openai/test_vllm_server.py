"""A server of vLLM: what is sent is what it took, and what it said is read.

`vllm_server.json` holds exchanges with a real one: vLLM 0.32.0 on a processor, serving
SmolLM2-135M-Instruct in float32 with 2,048 tokens of context.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from endpoint_model import model, request

from evalharness.backends.openai.completion_reply import read_completion
from evalharness.backends.openai.error_reply import make_http_error, summarize_error_reply
from evalharness.backends.openai.replies.option_probabilities import (
    AmbiguousOptionError,
    option_probabilities,
)
from evalharness.backends.openai.request_body import build_request_body
from evalharness.domain import BenchmarkRequest, JudgmentKind, Message, Role, Sampling
from evalharness.errors import ContextLengthError, PermanentError
from evalharness.judge import list_reply_options

RECORDED = Path(__file__).with_name("vllm_server.json")
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
URL = "http://127.0.0.1:18555/v1"
CHAT = model(URL, name="smollm2")
COMPLETIONS = model(
    URL, name="smollm2", endpoint="completions", template=CHATML, stop=("<|im_end|>",)
)
GREEDY = Sampling(temperature=0.0, max_tokens=16)
GRADES = list_reply_options(JudgmentKind.GRADED)
RATE = "Answer: Paris is the capital of France.\nRate this answer with one of [[1]] to [[10]]."


def _scored(prompt, continuation):
    message = Message(role=Role.USER, content=prompt)
    return BenchmarkRequest(
        messages=(message,), prompt=prompt, sampling=GREEDY, continuation=continuation
    )


ASKED = {
    "chat": (CHAT, request("What is the capital of France?", sampling=GREEDY)),
    "chat, options": (CHAT, request("Reply with A or B.", sampling=GREEDY, options=("A", "B"))),
    "chat, too long": (CHAT, request("ah " * 2100, sampling=GREEDY)),
    "text": (COMPLETIONS, request("What is the capital of France?", sampling=GREEDY)),
    "text, options": (
        COMPLETIONS,
        request(RATE, sampling=GREEDY, options=GRADES, prefill="I choose [["),
    ),
    "text, scored": (COMPLETIONS, _scored("The capital of France is", " Paris, in the north.")),
    "text, scored in parts of letters": (COMPLETIONS, _scored("Snow in Japanese:", " \u96ea")),
    "text, no room": (COMPLETIONS, request("Hi", sampling=Sampling(max_tokens=3000))),
    "no such model": (
        model(URL, name="other"),
        request("Hi", sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=3, seed=7)),
    ),
}


@pytest.fixture(scope="module")
def recorded():
    """What the server took and said, by the names above."""
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def _completion(recorded, name):
    assert recorded[name]["status"] == 200
    return read_completion(msgspec.json.encode(recorded[name]["reply"]), ASKED[name][1])


@pytest.mark.parametrize("name", ASKED)
def test_what_is_sent_is_what_the_server_took(recorded, name):
    """A name that it does not know, it ignores without a word."""
    sent = json.loads(json.dumps(build_request_body(*ASKED[name])))

    assert sent == recorded[name]["body"]


def test_texts_are_read_with_their_tokens_and_ends(recorded):
    """A chat's template writes a system message that ours does not, and the reply is the same."""
    chat, text = (_completion(recorded, name) for name in ("chat", "text"))

    assert chat.text == text.text == "The capital of France is Paris."
    assert (chat.finish_reason, text.finish_reason) == ("stop", "stop")
    assert (chat.prompt_tokens, chat.completion_tokens) == (37, 8)
    assert (text.prompt_tokens, text.completion_tokens) == (16, 8)


def test_probabilities_of_options_are_read_from_either_endpoint(recorded):
    """SmolLM2 writes 10 as "1" and "0", so its first token is not taken for 1 nor for nothing."""
    chat = _completion(recorded, "chat, options").option_probabilities
    with pytest.raises(AmbiguousOptionError) as caught:
        _completion(recorded, "text, options")

    assert caught.value.start == "1"
    text = option_probabilities(GRADES, caught.value.tokens, are_whole=True)
    # Only the completions endpoint begins the reply, and so nearly all goes to the options.
    assert 0.05 < sum(chat) < 0.2
    assert sum(text) > 0.95
    assert (text[9], len(text)) == (0, len(GRADES))


@pytest.mark.parametrize(
    ("name", "tokens"), [("text, scored", 6), ("text, scored in parts of letters", 3)]
)
def test_a_continuation_is_as_probable_as_all_of_its_tokens(recorded, name, tokens):
    """A letter of several tokens shows with its last, and nothing with the others."""
    (choice,) = recorded[name]["reply"]["choices"]

    completion = _completion(recorded, name)

    told = choice["logprobs"]["token_logprobs"][-1 - tokens : -1]
    assert completion.log_probability == pytest.approx(sum(told))
    assert completion.is_likeliest is False


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("chat, too long", ContextLengthError),
        ("text, no room", ContextLengthError),
        ("no such model", PermanentError),
    ],
)
def test_what_does_not_fit_is_told_from_what_is_wrong(recorded, name, kind):
    """Only the former is a model's own limit."""
    status, reply = recorded[name]["status"], msgspec.json.encode(recorded[name]["reply"])

    error = make_http_error(status, {}, summarize_error_reply(reply, None))

    assert type(error) is kind
    assert str(error).startswith(f"HTTP {status}: ")
