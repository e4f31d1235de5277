"""Completions in the forms that servers send them, without any server."""

from __future__ import annotations

from codecs import BOM_UTF8

import msgspec
import pytest
from endpoint_model import request

from evalharness.backends.openai.completion_reply import read_completion
from evalharness.domain import BenchmarkRequest, Sampling
from evalharness.errors import ContextLengthError, PermanentError, TransientError


def _read(choice, asked=None, **fields):
    content = msgspec.json.encode({"choices": [choice], "model": "qwen3-8b", **fields})
    return read_completion(content, asked or request())


def test_a_byte_order_mark_and_odd_numbers_are_no_reason_to_throw_a_reply_away():
    """It was paid for."""
    choice = {"message": {"content": "42"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10.0, "completion_tokens": "10"}
    content = BOM_UTF8 + msgspec.json.encode({"choices": [choice], "usage": usage, "model": 7})

    found = read_completion(content, request())

    assert (found.text, found.prompt_tokens, found.completion_tokens) == ("42", 10, 10)
    assert found.served is None


@pytest.mark.parametrize(
    "message",
    [
        {"content": "42", "reasoning_content": "Six times seven."},
        {"content": "<think>Six times seven.</think>\n\n42"},
        {"content": "Six times seven.\n</think>\n\n42"},
    ],
)
def test_a_thought_is_the_same_from_a_server_that_separates_it_and_one_that_does_not(message):
    """The same model has the same answers behind both."""
    found = _read({"message": message, "finish_reason": "stop"})

    assert (found.text, found.reasoning) == ("42", "Six times seven.")


def test_a_thought_that_used_up_the_tokens_is_an_empty_reply():
    """The thought is kept, and the server's reason says that it was cut."""
    choice = {"message": {"content": None, "reasoning": "Six"}, "finish_reason": "length"}
    details = {"reasoning_tokens": 50}

    found = _read(choice, usage={"completion_tokens": 50, "completion_tokens_details": details})

    assert (found.text, found.reasoning, found.finish_reason) == ("", "Six", "length")
    assert found.reasoning_tokens == 50


def test_a_refusal_is_its_words_and_its_own_reason():
    """It was an empty answer before."""
    found = _read({"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"})

    assert (found.text, found.finish_reason) == ("I can't.", "refusal")


@pytest.mark.parametrize(
    "reason", ["content_filter", "model_length", "MAX_TOKENS", "insufficient_system_resource"]
)
def test_the_servers_reason_is_kept(reason):
    """Whoever reads the reply decides what it means."""
    assert _read({"message": {"content": "4"}, "finish_reason": reason}).finish_reason == reason


@pytest.mark.parametrize(
    "choice",
    [
        {"finish_reason": "error"},
        {"finish_reason": None, "error": {"code": 502, "message": "Provider disconnected"}},
        {"finish_reason": "stop", "error": {"message": "Provider disconnected"}},
    ],
)
def test_a_reply_that_broke_off_is_a_failure(choice):
    """Half a text is no answer."""
    with pytest.raises(TransientError, match="broke off"):
        _read({"message": {"content": "The answer"}, **choice})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 502, "message": "Upstream failed"}, TransientError),
        ({"code": 402, "message": "Insufficient credits"}, PermanentError),
        ("the context length is 4096 tokens, which is not enough", ContextLengthError),
        ({"message": "busy", "code": "overloaded"}, TransientError),
    ],
)
def test_an_error_in_the_place_of_a_completion_has_the_servers_words(error, kind):
    """Some servers send errors with status 200."""
    content = msgspec.json.encode({"error": error})

    with pytest.raises(kind):
        read_completion(content, request())


def test_the_text_of_a_completions_endpoint_has_no_spaces_around_it():
    """The next turn would have two spaces, unlike in training and behind other backends."""
    assert _read({"text": " Aloha. \n", "finish_reason": "stop"}).text == "Aloha."


def test_a_benchmark_gets_the_text_as_it_is():
    """Its task decides what to cut."""
    asked = BenchmarkRequest(messages=(), sampling=Sampling(), prompt="2 + 2 =")

    assert _read({"text": " 4\n", "finish_reason": "stop"}, asked).text == " 4\n"


@pytest.mark.parametrize(
    "error", [{"message": "upstream went away", "code": 502}, "upstream went away"]
)
def test_an_error_beside_a_text_says_that_the_text_broke_off(error):
    """Half an answer is no answer, wherever the error stands."""
    choice = {"message": {"content": "half"}, "finish_reason": "stop"}

    with pytest.raises(TransientError, match="broke off its reply: upstream went away"):
        read_completion(msgspec.json.encode({"choices": [choice], "error": error}), request())


@pytest.mark.parametrize("error", [None, {}, "", {"message": ""}, {"code": 0, "message": None}, []])
def test_an_empty_error_beside_a_text_says_nothing(error):
    """Some servers always send the field."""
    choice = {"message": {"content": "whole"}, "finish_reason": "stop"}
    reply = msgspec.json.encode({"choices": [choice], "error": error})

    assert read_completion(reply, request()).text == "whole"
