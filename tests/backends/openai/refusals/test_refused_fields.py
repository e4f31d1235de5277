"""What is learned from the refusals of servers: nothing beyond what they name, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from endpoint_model import model, request
from server_rules import SERVER_RULES

from evalharness.backends.openai.refusals.refused_fields import (
    explain_refusal,
    learn_rules,
    restrict_rules,
)
from evalharness.backends.openai.request_body import build_request_body
from evalharness.domain import BenchmarkRequest, Message, RequestRules, Role, Sampling

DEFAULTS = ("temperature", "top_p", "max_tokens", "seed")
SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=1024, seed=3)
MESSAGES = (
    Message(role=Role.SYSTEM, content="Be fair."),
    Message(role=Role.USER, content="Which is better? top_logprobs, seed and temperature matter."),
)
CHAT = request(messages=MESSAGES, sampling=SAMPLING)
JSON = replace(CHAT, schema={"title": "verdict", "type": "object"})
OPTIONS = replace(CHAT, options=("A", "B", "C"))


def _spec(**settings):
    spec = model("http://127.0.0.1/v1", **settings)
    return replace(spec, sampling=SAMPLING, default_fields=settings.get("default_fields", DEFAULTS))


def _ask(refuse, asked, spec, rules=None):
    """Send a request until it is taken; return the rules and the number of refusals."""
    rules, refusals = rules or RequestRules(), 0
    while (refusal := refuse(body := build_request_body(spec, asked, rules))) is not None:
        status, content = refusal
        learned = learn_rules(status, msgspec.json.encode(content), body, rules, spec, asked)
        assert learned is not None, (content, rules)
        rules, refusals = learned, refusals + 1
    return rules, refusals


@pytest.mark.parametrize(
    ("row", "asked", "expected"),
    [
        ("openai_reasoning", CHAT, "max_tokens as max_completion_tokens; temperature; top_p"),
        (
            "openai_old_reasoning",
            JSON,
            "max_tokens as max_completion_tokens; temperature; top_p; system; json; text",
        ),
        ("anthropic", CHAT, "temperature; top_p"),
        ("anthropic_older", CHAT, "top_p; max_tokens 512"),
        ("google", CHAT, "seed"),
        ("google_open_weights", CHAT, "system; seed"),
        ("mistral", CHAT, "seed"),
        ("mistral_nested", CHAT, "seed"),
        ("literal_values", JSON, "system; json; temperature"),
        ("reply_range", CHAT, "max_tokens 300"),
        ("deepseek", JSON, "json"),
        ("openrouter", JSON, ""),
        ("together", OPTIONS, "top_logprobs 5"),
        ("fireworks", OPTIONS, "top_logprobs 8"),
        ("no_json", JSON, "json; text"),
        ("llama_cpp", CHAT, "system"),
        ("litellm_proxy", CHAT, "temperature"),
        ("short_replies", CHAT, "max_tokens 300"),
    ],
)
def test_each_server_is_understood_at_a_refusal_for_each_rule(row, asked, expected):
    """The request is taken after as many refusals as there are rules, and no rule is too wide."""
    rules, refusals = _ask(SERVER_RULES[row], asked, _spec())

    wanted = [each for each in expected.split("; ") if each]
    assert refusals == len(wanted)
    assert len(rules.said) == refusals
    names = [name for name in wanted if name in DEFAULTS]
    assert list(rules.left_out) == names
    renamed = [f"{name} as {new}" for name, new in rules.renamed.items()]
    assert renamed == [each for each in wanted if " as " in each]
    assert rules.system_in_user == ("system" in wanted)
    assert rules.max_tokens == _bound(wanted, "max_tokens")
    assert rules.top_logprobs == _bound(wanted, "top_logprobs")
    formats = [name for name in ("json", "text") if name in wanted]
    assert rules.response_format == {"json": "json_object", "text": "text"}.get(
        formats[-1] if formats else None
    )


def _bound(wanted, name):
    bounds = [
        int(each.split()[1]) for each in wanted if each.startswith(f"{name} ") and "as" not in each
    ]
    return bounds[0] if bounds else None


@pytest.mark.parametrize("row", ["openai_reasoning", "anthropic", "google", "mistral"])
def test_a_field_of_the_user_teaches_nothing_and_the_message_says_how_to_leave_it_out(row):
    """What a user has set is asked for, or refused in the server's words."""
    spec = _spec(default_fields=())
    rules = RequestRules(renamed={"max_tokens": "max_completion_tokens"})
    body = build_request_body(spec, CHAT, rules if row == "openai_reasoning" else RequestRules())
    status, content = SERVER_RULES[row](body)
    said = msgspec.json.encode(content)

    assert learn_rules(status, said, body, rules, spec, CHAT) is None
    name = "seed" if row in ("google", "mistral") else "temperature"
    assert f"{name}=null leaves it out" in explain_refusal(said, body, spec)


def test_a_seed_is_sent_under_the_name_that_the_server_gives():
    """Mistral has a seed under another name; a server that says so is sent it."""
    said = {"message": "Unknown field 'seed'. Did you mean 'random_seed'?"}
    body = build_request_body(_spec(), CHAT)

    rules = learn_rules(400, msgspec.json.encode(said), body, RequestRules(), _spec(), CHAT)

    assert rules.renamed == {"seed": "random_seed"}
    assert build_request_body(_spec(), CHAT, rules)["random_seed"] == 3


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "The model is overloaded"),
        (400, "top_k is not supported"),
        (
            400,
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context "
                "length is 2048 tokens and your request has 1800 input tokens."
            ),
        ),
        (400, "Invalid value in the prompt"),
        (400, "Your temperature setting was applied"),
        (403, "temperature is not supported"),
        (429, "temperature is not supported"),
        (500, "temperature is not supported"),
        (
            400,
            "frequency_seed is unknown, and max_tokens_per_day must be set by your administrator",
        ),
    ],
)
def test_a_refusal_that_names_no_field_of_the_request_teaches_nothing(status, said):
    """A rule that nobody stated would change the answers in silence."""
    body = build_request_body(_spec(), CHAT)
    content = msgspec.json.encode({"error": {"message": said}})

    assert learn_rules(status, content, body, RequestRules(), _spec(), CHAT) is None


def test_our_prompt_in_a_refusal_is_not_read_as_the_servers_words():
    """Servers repeat the refused input, whose text may name any field."""
    content = msgspec.json.encode(
        {"detail": [{"type": "missing", "loc": ["body", "tools"], "msg": "Field required",
                     "input": {"messages": "temperature is not supported"}}]}
    )  # fmt: skip
    body = build_request_body(_spec(), CHAT)

    assert learn_rules(422, content, body, RequestRules(), _spec(), CHAT) is None


def test_a_server_that_refuses_the_same_field_again_teaches_it_once():
    """A server that contradicts itself ends in a failure, not in a circle."""
    said = b'{"error": {"message": "temperature is not supported", "param": "temperature"}}'
    rules = learn_rules(400, said, build_request_body(_spec(), CHAT), RequestRules(), _spec(), CHAT)
    body = build_request_body(_spec(), CHAT, rules)

    assert learn_rules(400, said, body, rules, _spec(), CHAT) is None


def test_rules_that_another_configuration_learned_leave_its_own_fields_alone():
    """A judge with a temperature of the user shares a server with a candidate that has none."""
    rules = RequestRules(left_out=("temperature", "seed"), top_logprobs=5, max_tokens=100)
    spec = _spec(default_fields=("seed",), top_logprobs=12)

    restricted = restrict_rules(rules, spec)

    assert restricted.left_out == ("seed",)
    assert (restricted.top_logprobs, restricted.max_tokens) == (None, None)


def test_benchmarks_drop_the_stop_texts_that_a_server_refuses():
    """Their replies are cut at the stop texts here; a candidate's stop texts are its template's."""
    said = b'{"error": {"message": "Unsupported parameter: \'stop\' is not supported.", "param": "stop"}}'
    benchmark = BenchmarkRequest(messages=MESSAGES, sampling=SAMPLING, stop=["\n"])
    spec = replace(_spec(), stop=("###",))
    rules = learn_rules(
        400, said, build_request_body(spec, benchmark), RequestRules(), spec, benchmark
    )

    assert rules.left_out == ("stop",)
    assert "stop" not in build_request_body(spec, benchmark, rules)
    assert build_request_body(spec, CHAT, rules)["stop"] == ("###",)
    assert (
        learn_rules(400, said, build_request_body(spec, CHAT), RequestRules(), spec, CHAT) is None
    )


@pytest.mark.parametrize(
    ("said", "asked", "remedy"),
    [
        ("This model is only supported in v1/responses.", CHAT, "set endpoint=responses"),
        ("'logprobs' is not supported with this model.", OPTIONS, "judge with reading=text"),
        ("The server is sorry.", CHAT, ""),
    ],
)
def test_a_refusal_that_cannot_be_avoided_has_its_remedy(said, asked, remedy):
    """A model over another endpoint, or without probabilities, needs a setting of the user."""
    content = msgspec.json.encode({"error": {"message": said}})
    words = explain_refusal(content, build_request_body(_spec(), asked), _spec())

    assert remedy in words
    assert bool(words) == bool(remedy)
