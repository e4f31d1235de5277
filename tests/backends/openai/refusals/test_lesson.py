"""Which field a refusal means: by its form in any words, or by its words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from endpoint_model import model, request

from evalharness.backends.openai.refusals.refused_fields import learn_rules
from evalharness.backends.openai.request_body import build_request_body
from evalharness.domain import Message, RequestRules, Role, Sampling

DEFAULTS = ("temperature", "top_p", "max_tokens", "seed")
SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=16384, seed=3)
MESSAGES = (
    Message(role=Role.SYSTEM, content="Be fair."),
    Message(role=Role.USER, content="Which is better?"),
)
CHAT = request(messages=MESSAGES, sampling=SAMPLING)
JSON = replace(CHAT, schema={"title": "verdict", "type": "object"})
OPTIONS = replace(CHAT, options=("A", "B", "C"))
NO_TEMPERATURE = {"left_out": ["temperature"]}


def _learn(content, asked=CHAT, *, default_fields=DEFAULTS, **settings):
    """Return the rules that a refusal teaches, but for its words; None if it teaches nothing."""
    spec = replace(model("http://127.0.0.1/v1", **settings), sampling=SAMPLING)
    spec = replace(spec, default_fields=default_fields)
    body = build_request_body(spec, asked)
    content = json.dumps(content, ensure_ascii=False).encode()
    rules = learn_rules(400, content, body, RequestRules(), spec, asked)
    return None if rules is None else {**rules.to_tree(), "said": None}


def _error(message, param=None):
    return {"error": {"message": message, "type": "invalid_request_error", "param": param}}


def _detail(message, *place):
    return {"detail": [{"type": "x", "loc": ["body", *place], "msg": message}]}


@pytest.mark.parametrize(
    ("content", "asked", "expected"),
    [
        (_error("This model runs with fixed sampling.", "temperature"), CHAT, NO_TEMPERATURE),
        (_error("Das geht mit diesem Modell nicht.", "temperature"), CHAT, NO_TEMPERATURE),
        (_error("", "temperature"), CHAT, NO_TEMPERATURE),
        (_error("Sorry.", "generation_config.temperature"), CHAT, NO_TEMPERATURE),
        (_error("Sorry.", "topP"), CHAT, {"left_out": ["top_p"]}),
        (_error("Sorry.", "maxOutputTokens"), CHAT, {"left_out": ["max_tokens"]}),
        (_detail("Input should be None", "temperature", "float"), CHAT, NO_TEMPERATURE),
        (_detail("Extra inputs are not permitted", "seed"), CHAT, {"left_out": ["seed"]}),
        (_detail("At most 512", "max_tokens"), CHAT, {"max_tokens": 512}),
        (
            _detail("Input should be 'text' or 'json_object'", "response_format", "type"),
            JSON,
            {"response_format": "json_object"},
        ),
        (
            _detail("Input tag 'json_schema' does not match the tags", "response_format"),
            JSON,
            {"response_format": "json_object"},
        ),
        (
            _detail("Input should be 'user' or 'assistant'", "messages", 0, "role"),
            CHAT,
            {"system_in_user": True},
        ),
        (_error("Sorry.", "messages[0].role"), CHAT, {"system_in_user": True}),
        (_error("Sorry.", "messages[1].role"), CHAT, None),
        (_error("Sorry.", "messages[0].content"), CHAT, None),
        (_error("Sorry.", "top_k"), CHAT, None),
        (_error("Sorry.", "the temperature"), CHAT, None),
    ],
)
def test_a_field_that_the_form_names_teaches_in_any_words(content, asked, expected):
    """A request is refused for its field, whatever the server says of it."""
    assert _learn(content, asked) == (expected and {**expected, "said": None})


@pytest.mark.parametrize(
    "said",
    [
        "temperature is not configurable",
        "Temperature is not adjustable for this model",
        "temperature is fixed for this model; remove it from the request",
        "Please remove `temperature` from your request.",
        "`temperature` may only be set to 1 when thinking is enabled.",
        "temperature needs to be 1",
        "temperature: range: 0..1",
        "Der Parameter 'temperature' wird von diesem Modell nicht unterstützt.",
        "此模型不支持temperature参数",
    ],
)
def test_a_field_that_the_words_refuse_is_left_out(said):
    """Servers without a structure say it in many ways, and in many languages."""
    assert _learn(_error(said)) == {**NO_TEMPERATURE, "said": None}
    assert _learn(_error(said), default_fields=("seed",)) is None


@pytest.mark.parametrize(
    ("said", "asked", "expected"),
    [
        ("the valid range of max_tokens is [1, 8192]", CHAT, {"max_tokens": 8192}),
        (("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` "
          "is less than the `context_window` for this model"), CHAT, {"max_tokens": 8192}),
        (("it has a max_tokens value of 16384 but the supported range is from 1 (inclusive) to "
          "8193 (exclusive)"), CHAT, {"max_tokens": 8192}),
        ("The maximum tokens you requested exceeds the model limit of 4096.", CHAT,
         {"max_tokens": 4096}),
        ("max_tokens must be in [1, 8]", CHAT, {"left_out": ["max_tokens"]}),
        ("max_tokens must be at least 20000", CHAT, {"left_out": ["max_tokens"]}),
        ("Requested sample logprobs of 20, which is greater than max allowed: 5", OPTIONS,
         {"top_logprobs": 5}),
        ("top_logprobs must be in the range [0, 8], got 20", OPTIONS, {"top_logprobs": 8}),
        ("Logprobs is not enabled for models/gemini-4-argon", OPTIONS, None),
        ("You are not allowed to request logprobs from this model.", OPTIONS, None),
        ("Unsupported parameter: 'top_logprobs' is not supported.", OPTIONS, None),
        ("'top_logprobs' does not support 20 with this model.", OPTIONS, {"top_logprobs": 5}),
        ("max_tokens: the valid range is [16, 8192]", OPTIONS, None),
        ("Invalid value for top_logprobs", OPTIONS, {"top_logprobs": 5}),
        ("messages.0.role: only 'user' and 'assistant' roles are supported", CHAT,
         {"system_in_user": True}),
    ],
)  # fmt: skip
def test_a_number_is_lowered_to_what_the_server_allows(said, asked, expected):
    """Without a number that makes sense the field is left out."""
    assert _learn(_error(said), asked) == (expected and {**expected, "said": None})


@pytest.mark.parametrize(
    "said",
    [
        "Your prompt contains invalid text: 'the temperature is unknown'",
        "Could not parse 'temperature is not supported; seed forbidden'",
        "The prompt was flagged as unsafe: temperature is not allowed",
        "max_tokens is too high: you requested up to 16384, and this requires more credits",
        "max_tokens must be at most 200: the prompt has 1848 of a context length of 2048 tokens",
        "`inputs` tokens + `max_new_tokens` must be <= 8193",
    ],
)
def test_a_refusal_for_another_reason_teaches_nothing(said):
    """Our texts in quotes, a filter, an empty account and a long conversation may name a field."""
    assert _learn(_error(said)) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_error("Not with this model. Leave it out.", "seed"),
         "seed: Not with this model. Leave it out."),
        ({"error": {"message": "seed is unknown", "details": [{"description": "seed is unknown"}]}},
         "seed is unknown"),
    ],
)  # fmt: skip
def test_what_the_server_said_is_quoted_once_with_the_field(content, said):
    """The words are on the terminal, on the page and in the manifest."""
    spec = replace(model("http://127.0.0.1/v1"), sampling=SAMPLING, default_fields=DEFAULTS)
    body, reply = build_request_body(spec, CHAT), json.dumps(content).encode()

    assert learn_rules(400, reply, body, RequestRules(), spec, CHAT).said == (said,)
