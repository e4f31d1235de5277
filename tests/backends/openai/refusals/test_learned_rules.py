"""The first call of a model goes alone, whatever becomes of it, and what it learns is shared."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from endpoint_model import model, request
from server import Behavior, Server
from server_rules import SERVER_RULES

from evalharness.backends import LearnedRules, StoppableBackend, StopSignal
from evalharness.backends.openai_compatible import connect
from evalharness.domain import Message, Role, Sampling
from evalharness.errors import BackendError, RunStoppedError

DEFAULTS = ("temperature", "top_p", "max_tokens", "seed")
SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=64)


def _spec(*urls, **settings):
    return model(*urls, default_fields=DEFAULTS, sampling=SAMPLING, **settings)


async def _ask(backend, count=30, **settings):
    asked = [request(str(number), sampling=SAMPLING, **settings) for number in range(count)]
    works = [backend.complete(each) for each in asked]
    return await asyncio.gather(*works, return_exceptions=True)


async def test_sixty_calls_at_once_pay_for_each_refusal_once():
    """Without the lone first call, as many calls would be refused as are in flight."""
    async with Server(refuse=SERVER_RULES["openai_reasoning"], latency_s=0.05) as server:
        backend = connect(_spec(server.url))
        found = await _ask(backend, 60)
        await backend.close()

    assert all(each.text for each in found)
    assert len(server.refused) == 3
    assert len(server.calls) == 60 + 3
    assert server.most_in_flight > 5
    assert {each.sent for each in found} == {("max_completion_tokens",)}


async def test_several_servers_of_a_model_learn_together():
    """A refusal is paid for once a model, not once a server."""
    refuse = SERVER_RULES["openai_reasoning"]
    async with Server(refuse=refuse) as one, Server(refuse=refuse) as other:
        backend = connect(_spec(one.url, other.url))
        found = await _ask(backend)
        await backend.close()

    assert all(each.text for each in found)
    assert len(one.refused) + len(other.refused) == 3


async def test_a_new_kind_of_request_goes_alone_too():
    """A judge's system message is refused once, although requests without one were answered."""
    system = (
        Message(role=Role.SYSTEM, content="Be fair."),
        Message(role=Role.USER, content="Which is better?"),
    )
    async with Server(refuse=SERVER_RULES["llama_cpp"], latency_s=0.01) as server:
        backend = connect(_spec(server.url))
        await _ask(backend)
        found = await _ask(backend, messages=system)
        await backend.close()

    assert all(each.text for each in found)
    assert len(server.refused) == 1


@pytest.mark.parametrize("behavior", [Behavior.FORBIDDEN, Behavior.CONTEXT_LENGTH])
async def test_a_first_call_that_fails_lets_the_others_go(behavior):
    """A failure that teaches nothing holds nobody up."""
    failing = [behavior]

    def choose(_call):
        return failing.pop() if failing else Behavior.OK

    async with Server(choose) as server:
        backend = connect(_spec(server.url))
        found = await _ask(backend)
        await backend.close()

    assert sum(isinstance(each, BackendError) for each in found) == 1
    assert len(server.calls) == 30


async def test_a_first_call_that_is_repeated_lets_the_others_go():
    """A server that is busy at first is not asked one call at a time."""
    async with Server([Behavior.SERVER_ERROR], latency_s=0.02) as server:
        backend = connect(_spec(server.url))
        found = await _ask(backend)
        await backend.close()

    assert all(each.text for each in found)
    assert server.most_in_flight > 5


async def test_a_run_that_is_stopped_during_the_first_call_leaves_nobody_waiting():
    """The call in flight is kept, and every other one is given up at once."""
    async with Server(latency_s=1.0) as server:
        stop = StopSignal()
        backend = StoppableBackend(connect(_spec(server.url)), stop)
        working = asyncio.create_task(_ask(backend))
        await asyncio.sleep(0.3)
        stop.set()
        found = await asyncio.wait_for(working, 5)
        await backend.close()

    assert len(server.calls) == 1
    assert sum(isinstance(each, RunStoppedError) for each in found) == 29


async def test_a_cancelled_first_call_hands_its_turn_on():
    """Whoever waits is not held up by a task that is gone."""
    async with Server(latency_s=0.05) as server:
        backend = connect(_spec(server.url))
        first = asyncio.create_task(backend.complete(request("first", sampling=SAMPLING)))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(_ask(backend, 5))
        await asyncio.sleep(0.01)
        first.cancel()
        found = await asyncio.wait_for(waiting, 5)
        await backend.close()

    assert all(each.text for each in found)


async def test_connections_share_rules_but_each_keeps_the_fields_of_its_user():
    """A judge with a temperature of the user fails in words, on a server that learned to do without."""
    async with Server(refuse=SERVER_RULES["anthropic"]) as server:
        rules = LearnedRules()
        free = connect(_spec(server.url), rules=rules)
        found = await _ask(free, 3)
        again = connect(_spec(server.url, name="other", api_name="vicuna-13b"), rules=rules)
        found += await _ask(again, 3)
        refused = len(server.refused)
        strict = connect(replace(_spec(server.url), default_fields=("top_p",)), rules=rules)
        failed = await _ask(strict, 1)
        for backend in (free, again, strict):
            await backend.close()

    assert all(each.text for each in found)
    assert refused == 2
    assert "temperature=null leaves it out" in str(failed[0])
    assert server.calls[-1].body["temperature"] == 0.7
    assert rules.find(_spec(server.url)).left_out == ("temperature", "top_p")


async def test_a_refusal_of_the_users_field_does_not_let_a_sibling_go_at_once():
    """The configuration that failed for good says nothing of one whose field can be left out."""
    async with Server(refuse=SERVER_RULES["anthropic"], latency_s=0.02) as server:
        rules = LearnedRules()
        strict = connect(replace(_spec(server.url), default_fields=("top_p",)), rules=rules)
        failed = await _ask(strict, 1)
        before = len(server.refused)
        free = connect(_spec(server.url), rules=rules)
        found = await _ask(free, 30)
        for backend in (strict, free):
            await backend.close()

    assert isinstance(failed[0], BackendError)
    assert all(each.text for each in found)
    assert len(server.refused) - before <= 2


async def test_a_model_that_thinks_longer_is_another_model():
    """With other settings the same server may take what it refuses otherwise."""
    async with Server(refuse=SERVER_RULES["anthropic"]) as server:
        rules = LearnedRules()
        backend = connect(_spec(server.url), rules=rules)
        await _ask(backend, 1)
        await backend.close()

    assert rules.find(_spec(server.url)) is not None
    assert rules.find(_spec(server.url, reasoning_effort="none")) is None


async def test_extra_fields_and_headers_are_sent_as_they_are():
    """They come last, in place of ours."""
    settings = {
        "reasoning_effort": "low",
        "template_options": {"enable_thinking": False},
        "extra_body": {"top_k": 20, "temperature": 0.1},
        "headers": {"X-Team": "research"},
    }
    async with Server() as server:
        backend = connect(_spec(server.url, **settings))
        (found,) = await _ask(backend, 1)
        await backend.close()

    [call] = server.calls
    assert call.headers["X-Team"] == "research"
    assert call.body["reasoning_effort"] == "low"
    assert call.body["chat_template_kwargs"] == {"enable_thinking": False}
    assert (call.body["top_k"], call.body["temperature"]) == (20, 0.1)
    assert found.sent == ("temperature", "top_p", "max_tokens")


async def test_a_configured_number_of_probabilities_or_format_is_kept():
    """Both can be set where a server explains its refusal badly."""
    settings = {"top_logprobs": 3, "response_format": "json_object"}
    schema = {"title": "verdict", "type": "object"}
    async with Server() as server:
        backend = connect(_spec(server.url, **settings))
        await _ask(backend, 1, options=("A", "B"))
        await _ask(backend, 1, schema=schema)
        await backend.close()

    assert server.calls[0].body["top_logprobs"] == 3
    assert server.calls[1].body["response_format"] == {"type": "json_object"}
