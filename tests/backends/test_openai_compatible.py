"""The client against a real server on the loopback: what it sends, repeats, gives up and hides."""

from __future__ import annotations

import asyncio
import traceback

import pytest
from aiohttp import web
from endpoint_model import KEY, KEY_VARIABLE, backend_of, connection, model, request
from server import Behavior, Server

from evalharness.backends.openai_compatible import connect
from evalharness.domain import JudgePrompt, JudgmentKind, Message, Role, Sampling
from evalharness.errors import ContextLengthError, PermanentError, TransientError
from evalharness.judge import build_reply_schema
from evalharness.judge.reply_json import read_score_from_json, read_verdict_from_json

TEMPLATE = (
    "{% for message in messages %}{{ message.role | upper }}: {{ message.content }}\n{% endfor %}"
    "ASSISTANT:"
)
CONVERSATION = (
    Message(role=Role.SYSTEM, content="Be brief."),
    Message(role=Role.USER, content="Write about Hawaii."),
    Message(role=Role.ASSISTANT, content="Aloha."),
    Message(role=Role.USER, content="Más, por favor: 夏威夷"),
)
GRADED = "Grade this answer. Give your grade as [[n]]."
PAIRWISE = "Give your verdict as [[A]], [[B]] or [[C]]."


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Every test has a key that must not be seen anywhere."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)


async def test_a_chat_endpoint_is_sent_the_messages_and_the_sampling_as_they_are():
    """What a model was asked can be read from the records alone."""
    sampling = Sampling(temperature=0.7, top_p=0.9, max_tokens=50, seed=3)
    async with connection(Server(), stop=("###",)) as (server, backend, _):
        await backend.complete(request(messages=CONVERSATION, sampling=sampling))

    [call] = server.calls
    assert call.path == "/v1/chat/completions"
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert call.body == {
        "model": "vicuna-13b",
        "messages": [
            {"role": message.role, "content": message.content} for message in CONVERSATION
        ],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 3,
        "stop": ["###"],
    }


async def test_what_is_not_set_is_not_sent():
    """A default of ours is never mistaken for the server's."""
    async with connection(Server()) as (server, backend, _):
        await backend.complete(request())

    assert set(server.calls[0].body) == {"model", "messages", "temperature", "max_tokens"}


async def test_a_completions_endpoint_is_sent_the_rendered_template_byte_for_byte():
    """The prompt is the one the model was trained on, and the prefill ends it."""
    settings = {"name": "alpaca-7b", "endpoint": "completions", "template": TEMPLATE}
    async with connection(Server(), **settings) as (server, backend, _):
        completion = await backend.complete(request(messages=CONVERSATION, prefill=" Sure"))

    [call] = server.calls
    assert call.path == "/v1/completions"
    assert call.body["prompt"] == (
        "SYSTEM: Be brief.\nUSER: Write about Hawaii.\nASSISTANT: Aloha.\n"
        "USER: Más, por favor: 夏威夷\nASSISTANT: Sure"
    )
    assert completion.text


async def test_azure_is_addressed_by_deployment_and_given_its_own_header(monkeypatch):
    """Azure puts the model into the path, and reads no bearer token."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    async with Server() as server:
        spec = model(server.root, api_name="gpt-4o", api_version="2024-10-21")
        async with backend_of(spec) as (backend, _):
            await backend.complete(request())

    [call] = server.calls
    assert call.path == "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    assert call.headers["api-key"] == "azure-key"
    assert "Authorization" not in call.headers


async def test_a_completion_carries_the_servers_text_usage_and_finish_reason():
    """Costs and truncation are counted from these."""
    async with connection(Server([Behavior.OK, Behavior.TRUNCATED])) as (_server, backend, _):
        first = await backend.complete(request("one two three four"))
        second = await backend.complete(request("one two three four"))

    assert first.text.startswith("This is reply")
    assert (first.prompt_tokens, first.cached_tokens) == (4, 2)
    assert first.completion_tokens == len(first.text.split())
    assert (first.finish_reason, second.finish_reason) == ("stop", "length")
    assert first.attempts == 1
    assert first.seconds > 0


@pytest.mark.parametrize("behavior", [Behavior.EMPTY, Behavior.NULL])
async def test_an_empty_reply_is_an_empty_text(behavior):
    """Silence is something a model may say; whether it counts is for the caller."""
    async with connection(Server([behavior])) as (server, backend, _):
        completion = await backend.complete(request())

    assert completion.text == ""
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        (Behavior.RATE_LIMITED, "http_429"),
        (Behavior.SERVER_ERROR, "http_500"),
        (Behavior.DISCONNECT, "connection"),
        (Behavior.CUT, "connection"),
        (Behavior.HALF_JSON, "bad_reply"),
        (Behavior.NO_CHOICES, "bad_reply"),
        (Behavior.WRONG_TYPE, "bad_reply"),
        (Behavior.OVERLOADED, "http_503"),
        (Behavior.HANG, "timeout"),
        (Behavior.DRIP, "timeout"),
    ],
)
async def test_what_may_pass_is_asked_again_until_the_attempts_are_spent(behavior, reason):
    """A bad moment costs no answer, and a bad day ends."""
    timeout_s = 0.5 if behavior in (Behavior.HANG, Behavior.DRIP) else 60.0
    async with connection(Server([behavior]), timeout_s=timeout_s) as (server, backend, _):
        completion = await backend.complete(request())
    assert completion.attempts == len(server.calls) == 2

    settings = {"timeout_s": timeout_s, "max_attempts": 2}
    async with connection(Server(behavior), **settings) as (server, backend, waits):
        with pytest.raises(TransientError) as caught:
            await backend.complete(request())
    assert len(server.calls) == caught.value.attempts == 2
    assert len(waits) == (
        2 if reason == "connection" else 1
    )  # a lost server has a pause of its own
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("behavior", "reason", "words"),
    [
        (Behavior.UNAUTHORIZED, "http_401", "Incorrect API key"),
        (Behavior.NOT_FOUND, "http_404", "models.vicuna-13b.base_url"),
        (Behavior.FORBIDDEN, "http_403", "Your country is not supported"),
        (Behavior.BAD_REQUEST, "http_400", "temperature must be at most 2"),
        (Behavior.CONTEXT_LENGTH, "context_length", "2048 tokens"),
        (Behavior.NO_QUOTA, "insufficient_quota", "exceeded your current quota"),
        (Behavior.REDIRECT, "http_307", "elsewhere.invalid"),
    ],
)
async def test_what_can_never_succeed_is_asked_once(behavior, reason, words):
    """The server's own words reach the user, and no money is spent on repeating."""
    async with connection(Server(behavior)) as (server, backend, waits):
        with pytest.raises(PermanentError, match=words) as caught:
            await backend.complete(request())

    assert len(server.calls) == caught.value.attempts == 1
    assert waits == []
    assert caught.value.reason == reason
    assert isinstance(caught.value, ContextLengthError) == (reason == "context_length")


async def test_the_servers_own_waits_are_kept_and_ours_grow_at_random():
    """A server that says when to come back is believed."""
    behaviors = [Behavior.RATE_LIMITED, Behavior.RATE_LIMITED_MS]
    async with connection(Server(behaviors)) as (_server, backend, waits):
        completion = await backend.complete(request())
    assert waits == [7.0, 1.5]
    assert completion.attempts == 3

    async with connection(Server([Behavior.SERVER_ERROR] * 6)) as (_server, backend, waits):
        completion = await backend.complete(request())
    ceilings = (0.5, 1, 2, 4, 8, 16)
    assert all(0 <= wait <= most for wait, most in zip(waits, ceilings, strict=True))
    assert len(set(waits)) == 6
    assert completion.attempts == 7


@pytest.mark.parametrize(
    "behavior", sorted(set(Behavior) - {Behavior.HANG, Behavior.DRIP, Behavior.ECHO_KEY})
)
async def test_the_key_is_in_no_error_whatever_the_server_echoes(behavior):
    """Errors are kept in files and shown on pages."""
    async with connection(Server(behavior), max_attempts=2) as (server, backend, _):
        try:
            said = repr(await backend.complete(request()))
        except (PermanentError, TransientError) as error:
            chain = [error, error.__cause__, error.__context__]
            said = "".join(traceback.format_exception(error)) + repr(chain)
        said += repr(backend)

    assert server.calls[0].headers["Authorization"].endswith(KEY)
    assert KEY not in said


async def test_a_model_that_knows_the_limit_by_its_newer_name_is_asked_by_that_from_then_on():
    """OpenAI's reasoning models refuse max_tokens; one refusal is enough to learn it."""
    async with connection(Server(Behavior.NEEDS_NEWER_LIMIT)) as (server, backend, waits):
        await backend.complete(request("one", sampling=Sampling(max_tokens=9)))
        await backend.complete(request("two", sampling=Sampling(max_tokens=9)))

    limits = [
        (call.body.get("max_tokens"), call.body.get("max_completion_tokens"))
        for call in server.calls
    ]
    assert limits == [(9, None), (None, 9), (None, 9)]
    assert waits == []


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
@pytest.mark.parametrize(
    ("prompt", "options"),
    [
        (PAIRWISE, ("A", "B", "C")),
        (GRADED, tuple(f"{score}]]" for score in range(1, 11))),
    ],
)
async def test_options_come_back_with_their_probabilities(endpoint, prompt, options):
    """The judge's doubt is read from its first token; what went elsewhere stays elsewhere."""
    settings = {"endpoint": endpoint, "template": TEMPLATE}
    async with connection(Server(), **settings) as (server, backend, _):
        completion = await backend.complete(request(prompt, options=options))

    assert len(completion.option_probabilities) == len(options)
    assert all(share > 0 for share in completion.option_probabilities)
    assert sum(completion.option_probabilities) == pytest.approx(0.95)
    assert server.calls[0].body["max_tokens"] == 1


@pytest.mark.parametrize("kind", JudgmentKind)
async def test_a_chat_endpoint_is_held_to_the_schema(kind):
    """The schema goes out strict, and a reply that matches it can be read."""
    prompt = JudgePrompt(name="p", kind=kind, system="", template="")
    schema = build_reply_schema(prompt)
    async with connection(Server()) as (server, backend, _):
        completion = await backend.complete(request("Judge.", schema=schema))

    assert server.calls[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "judgment", "strict": True, "schema": schema},
    }
    read = read_score_from_json if kind is JudgmentKind.GRADED else read_verdict_from_json
    assert read(completion.text).unscored is None


async def test_a_completions_endpoint_is_sent_no_schema():
    """It has no field for one; the prompt tells the form in words."""
    settings = {"endpoint": "completions", "template": TEMPLATE}
    async with connection(Server(), **settings) as (server, backend, _):
        await backend.complete(request("Judge.", schema={"type": "object"}))

    assert "response_format" not in server.calls[0].body


async def test_a_server_without_probabilities_is_refused_at_once():
    """Missing probabilities are not zeros."""
    async with connection(Server(Behavior.NO_LOGPROBS)) as (server, backend, _):
        with pytest.raises(PermanentError, match="reading=text") as caught:
            await backend.complete(request(PAIRWISE, options=("A", "B", "C")))

    assert caught.value.reason == "no_logprobs"
    assert len(server.calls) == 1


async def test_no_more_requests_are_in_flight_than_the_model_allows():
    """A small server is not run over."""
    async with connection(Server(latency_s=0.01), concurrency=3) as (server, backend, _):
        await asyncio.gather(*[backend.complete(request(str(n))) for n in range(20)])

    assert len(server.calls) == 20
    assert server.most_in_flight == 3


async def test_requests_spread_over_all_servers_and_pass_by_one_that_fails():
    """Two servers share the work; one that falls out costs an attempt, no answer."""
    async with (
        Server(latency_s=0.01) as first,
        Server(latency_s=0.01) as second,
        backend_of(model(first.url, second.url)) as (backend, _),
    ):
        await asyncio.gather(*[backend.complete(request(str(n))) for n in range(10)])
    # The first call goes alone, so ten calls are one and nine.
    assert sorted((len(first.calls), len(second.calls))) == [4, 6]


async def test_a_server_that_fails_is_left_out_until_it_is_well():
    """One that falls out costs an attempt, no answer; once it is tried again, it is back."""
    well = []
    async with (
        Server(lambda _call: Behavior.OK if well else Behavior.DISCONNECT) as broken,
        Server() as whole,
        backend_of(model(broken.url, whole.url)) as (backend, waits),
    ):
        attempts = [(await backend.complete(request(str(n)))).attempts for n in range(4)]
        assert (attempts, len(broken.calls), len(whole.calls)) == ([2, 1, 1, 1], 1, 4)

        well.append(True)
        waits.append(2.0)
        await asyncio.gather(*[backend.complete(request(f"again {n}")) for n in range(2)])
        assert (len(broken.calls), len(whole.calls)) == (2, 5)


async def test_a_conversation_stays_with_the_server_that_it_began_at():
    """What a server remembers of a conversation is not computed anew elsewhere."""
    async with (
        Server(latency_s=0.01) as first,
        Server(latency_s=0.01) as second,
        backend_of(model(first.url, second.url)) as (backend, _),
    ):

        async def talk(number: int) -> None:
            said = (Message(role=Role.USER, content=str(number)),)
            for _ in range(3):
                reply = await backend.complete(request(messages=said))
                said += (
                    Message(role=Role.ASSISTANT, content=reply.text),
                    Message(role=Role.USER, content="Go on."),
                )

        await asyncio.gather(*[talk(number) for number in range(6)])

    places = [
        {call.body["messages"][0]["content"] for call in server.calls} for server in (first, second)
    ]
    assert not places[0] & places[1]
    assert {len(first.calls), len(second.calls)} == {9}


async def test_a_call_ends_when_its_time_is_over_however_many_attempts_are_left():
    """The last attempt is cut where the call's time ends, and no wait goes beyond it."""
    settings = {"total_timeout_s": 20.0, "max_attempts": 50}
    async with connection(Server(Behavior.RATE_LIMITED), **settings) as (server, backend, waits):
        with pytest.raises(TransientError):
            await backend.complete(request())
    assert len(server.calls) == 3  # at 0, 7 and 14 seconds
    assert sum(waits) == 14

    settings = {"timeout_s": 300.0, "total_timeout_s": 0.3, "max_attempts": 50}
    async with connection(Server(Behavior.HANG), **settings) as (server, backend, _):
        with pytest.raises(TransientError, match="no whole reply"):
            await backend.complete(request())
    assert len(server.calls) >= 1


@pytest.mark.parametrize("behavior", [Behavior.UNAUTHORIZED, Behavior.SERVER_ERROR])
async def test_a_model_whose_calls_fail_all_alike_is_asked_no_more(behavior):
    """A wrong key costs a few calls, not ten thousand; the rest says why it was not asked."""
    settings = {"give_up_after": 3, "max_attempts": 2, "concurrency": 1}
    async with connection(Server(behavior), **settings) as (server, backend, _):
        found = await asyncio.gather(
            *[backend.complete(request(str(n))) for n in range(10)], return_exceptions=True
        )
        asked = len(server.calls)

    reasons = [error.reason for error in found]
    assert reasons[3:] == ["given_up"] * 7
    assert len(set(reasons[:3])) == 1
    assert "3 calls in a row failed alike" in str(found[-1])
    in_flight = 1
    assert asked <= 3 * (1 if behavior is Behavior.UNAUTHORIZED else 2) + in_flight


async def test_failures_that_differ_or_are_the_prompts_own_stop_nothing():
    """A long prompt says nothing of the next one."""
    settings = {"give_up_after": 2, "concurrency": 1}
    async with connection(Server([Behavior.CONTEXT_LENGTH] * 5), **settings) as (_s, backend, _w):
        found = await asyncio.gather(
            *[backend.complete(request(str(n))) for n in range(6)], return_exceptions=True
        )
    assert [isinstance(each, ContextLengthError) for each in found] == [True] * 5 + [False]


async def test_a_storm_of_refusals_is_waited_out_without_hammering():
    """While a server takes nothing, all calls together ask at the pace that it names."""
    storm = [Behavior.RATE_LIMITED] * 40
    async with connection(Server(storm), concurrency=8, max_attempts=50) as (server, backend, _):
        done = await asyncio.gather(*[backend.complete(request(str(n))) for n in range(30)])

    assert len(done) == 30
    assert len(server.calls) == 30 + 40


async def test_a_storm_that_does_not_end_ends_the_calls():
    """However slow the pace has become, no call waits for its turn beyond its time."""
    settings = {"total_timeout_s": 60.0, "max_attempts": 1000, "give_up_after": 1000}
    async with connection(Server(Behavior.RATE_LIMITED), **settings) as (server, backend, _):
        found = await asyncio.gather(
            *[backend.complete(request(str(n))) for n in range(100)], return_exceptions=True
        )

    assert {error.reason for error in found} <= {"http_429", "rate_limit"}
    assert len(found) == 100
    assert len(server.calls) < 400


async def _find_free_port() -> int:
    async with Server() as server:
        return server.port


async def test_calls_wait_for_a_server_that_comes_back():
    """A restart of the only server costs no answer, and a few attempts."""
    server = Server(port=await _find_free_port())
    backend = connect(model(f"http://127.0.0.1:{server._wanted_port}/v1", concurrency=64))
    try:
        asked = [asyncio.create_task(backend.complete(request(str(n)))) for n in range(100)]
        await asyncio.sleep(1.5)
        async with server:
            done = await asyncio.gather(*asked)
    finally:
        await backend.close()

    assert len(server.calls) == len(done) == 100
    assert sum(completion.attempts - 1 for completion in done) < 64 + 5


async def test_a_server_that_never_comes_back_is_tried_a_few_times_and_given_up():
    """Each call is a failure with the cause; the server is not tried thousands of times."""
    url = f"http://127.0.0.1:{await _find_free_port()}/v1"
    async with backend_of(model(url, concurrency=64)) as (backend, waits):
        found = await asyncio.gather(
            *[backend.complete(request(str(n))) for n in range(640)], return_exceptions=True
        )

    assert all(isinstance(error, (TransientError, PermanentError)) for error in found)
    assert sum(error.attempts for error in found) < 64 + 8 + 8
    assert all("connection failed" in str(error) for error in found)
    assert max(waits) <= 60


async def test_a_call_of_thousands_of_attempts_has_waits_that_can_be_computed():
    """The doubling of the waits ends long before the numbers do."""
    settings = {"max_attempts": 2000, "give_up_after": 2000, "total_timeout_s": 1e6}
    async with connection(Server(Behavior.SERVER_ERROR), **settings) as (server, backend, waits):
        with pytest.raises(TransientError):
            await backend.complete(request())

    assert len(server.calls) == 2000
    assert max(waits) <= 60


async def test_an_empty_account_ends_all_calls_at_once():
    """Whatever the number of calls, one refusal is enough."""
    server = Server(lambda call: Behavior.OK if call.number < 4 else Behavior.NO_QUOTA)
    async with connection(server, concurrency=1) as (server, backend, waits):
        found = [await _outcome(backend, str(n)) for n in range(20)]

    assert len(server.calls) == 4
    assert "exceeded your current quota" in str(found[3])
    assert all("the account is empty" in str(error) for error in found[4:])
    assert not waits


async def _outcome(backend, text):
    try:
        return await backend.complete(request(text))
    except (TransientError, PermanentError) as error:
        return error


@pytest.mark.parametrize("behavior", [Behavior.BAD_REQUEST, Behavior.CONTEXT_LENGTH])
async def test_refusals_of_some_questions_do_not_close_a_model_that_serves_others(behavior):
    """Twenty questions in a row that a server cannot take say nothing about the next one."""
    server = Server(lambda call: behavior if 2 <= call.number <= 21 else Behavior.OK)
    async with connection(server, concurrency=1) as (server, backend, _):
        found = [await _outcome(backend, str(n)) for n in range(30)]

    assert len(server.calls) == 30
    assert sum(isinstance(each, PermanentError) for each in found) == 20


async def test_no_request_goes_out_when_no_time_is_left():
    """It would be paid for and thrown away, and its timeout would hide the cause."""
    settings = {"total_timeout_s": 8.0, "max_attempts": 100}
    async with connection(Server(Behavior.RATE_LIMITED), **settings) as (_server, backend, _):
        with pytest.raises(TransientError, match="Rate limit reached") as caught:
            await backend.complete(request())

    assert caught.value.reason == "http_429"


@pytest.mark.parametrize("kind", ["text/plain", "Application/JSON", "application/octet-stream"])
@pytest.mark.parametrize("status", [200, 201])
async def test_a_reply_is_read_whatever_its_type_and_status_of_success(kind, status):
    """It was paid for."""

    async def answer(_request):
        body = b'{"choices": [{"message": {"content": "Aloha"}}], "usage": {"prompt_tokens": 3.0}}'
        return web.Response(body=body, status=status, headers={"Content-Type": kind})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        async with backend_of(model(url)) as (backend, _):
            found = await backend.complete(request())
    finally:
        await runner.cleanup()

    assert (found.text, found.prompt_tokens, found.attempts) == ("Aloha", 3, 1)


async def test_who_waits_for_what_is_told(caplog):
    """A bar that stands still says why."""
    caplog.set_level("INFO", logger="evalharness.waits")
    async with connection(Server([Behavior.RATE_LIMITED])) as (_server, backend, _):
        await backend.complete(request())

    assert "vicuna-13b: 429, waiting 7 s, try 2/8" in caplog.messages
