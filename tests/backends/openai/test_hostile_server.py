"""Servers that mean harm, as real ones on the loopback: a call may fail, in words and in time."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from endpoint_model import KEY, KEY_VARIABLE, backend_of, model, request
from raw_server import make_completion, make_head, raw_server

from evalharness.backends.openai import served_models
from evalharness.backends.openai.batch_api import BatchApi, BatchStatus
from evalharness.errors import BackendError, PermanentError, TransientError

DEEP = "[" * 100_000 + "]" * 100_000


async def ask(handle, **settings):
    """Return the completion of one call, or its error, and the number of requests."""
    settings = {"max_attempts": 2, **settings}
    async with (
        raw_server(handle) as (url, calls),
        backend_of(model(url, **settings)) as (backend, _),
    ):
        try:
            return await backend.complete(request()), calls
        except BackendError as error:
            return error, calls


def replying(body, *headers, status=200):
    """Return a handler that sends this reply to every call."""

    async def handle(call):
        await call.reply(body, *headers, status=status)

    return handle


def with_field(name, written, status=200):
    """Return a handler that sends a completion with a field as it is written here."""
    body = json.dumps(make_completion(**{name: 0})).replace(f'"{name}": 0', f'"{name}": {written}')
    return replying(body.encode(), status=status)


async def endless(call):
    """Send a reply without end."""
    await call.send(make_head())
    while True:
        await call.send(b'{"choices": "' + b"x" * 65536)


@pytest.mark.parametrize("field", ["unread", "usage", "model", "choices", "error"])
async def test_a_reply_that_is_nested_without_end_is_a_failure_of_its_call(field):
    """It was a RecursionError, which ended the run."""
    failure, calls = await ask(with_field(field, DEEP))

    assert isinstance(failure, TransientError)
    assert failure.reason == "bad_reply"
    assert "max_reply_nesting=100" in str(failure)
    assert len(calls) == 2


@pytest.mark.parametrize("part", ["[", '{"error":', '{"a":[', '{"message":"'])
async def test_a_refusal_that_is_nested_without_end_is_still_a_refusal(part):
    """Its status says what it is."""
    failure, _ = await ask(replying(part.encode() * 50_000, status=400))

    assert isinstance(failure, PermanentError)
    assert failure.reason == "http_400"


@pytest.mark.parametrize("endpoint", ["chat", "responses"])
@pytest.mark.parametrize("count", ["1" + "0" * 400, "-5", "10.5", "1e300", '"NaN"', "12000000"])
async def test_a_count_that_cannot_be_is_not_known(endpoint, count):
    """It was a cost of minus 1,280 dollars, or an OverflowError."""
    output = [{"type": "message", "content": [{"type": "output_text", "text": "4"}]}]
    name = "prompt_tokens" if endpoint == "chat" else "input_tokens"
    usage = f'{{"{name}": {count}, "completion_tokens": 2, "output_tokens": 2}}'
    body = json.dumps(make_completion(output=output, usage=0)).replace(
        '"usage": 0', f'"usage": {usage}'
    )
    completion, _ = await ask(replying(body.encode()), endpoint=endpoint)

    assert completion.text == "4"
    assert completion.prompt_tokens is None
    assert completion.completion_tokens == 2


async def test_a_reply_without_end_is_cut_off_at_the_limit():
    """It was taken into memory until the time was over; asking again would not help."""
    failure, calls = await ask(endless, max_reply_mb=0.5)

    assert isinstance(failure, PermanentError)
    assert failure.reason == "reply_too_large"
    assert "models.vicuna-13b.max_reply_mb=0.5" in str(failure)
    assert len(calls) == 1


async def test_a_packed_reply_is_read_up_to_its_limit():
    """The limit is of what it unpacks to."""
    packed = gzip.compress(json.dumps(make_completion("4" * 100_000)).encode())
    handle = replying(packed, "Content-Encoding: gzip")

    completion, _ = await ask(handle)
    failure, _ = await ask(handle, max_reply_mb=0.05)

    assert len(completion.text) == 100_000
    assert failure.reason == "reply_too_large"


async def test_the_words_of_an_endless_refusal_are_cut():
    """The status is known, and says more than the size."""

    async def handle(call):
        await call.send(make_head(status=503), b"busy ")
        while True:
            await call.send(b"x" * 65536)

    failure, calls = await ask(handle)

    assert failure.reason == "http_503"
    assert "busy" in str(failure)
    assert len(calls) == 2


@pytest.mark.parametrize("body", ["endless", "packed", "deep", "slow"])
async def test_a_hostile_list_of_models_is_no_list(body, monkeypatch):
    """It is asked for before any work, so nothing may wait for it or be ended by it."""
    monkeypatch.setattr(served_models, "_TIMEOUT_S", 0.3)

    async def handle(call):
        if body == "deep":
            await call.reply(DEEP.encode())
        elif body == "packed":
            await call.reply(gzip.compress(b" " * 2**21), "Content-Encoding: gzip")
        elif body == "endless":
            await endless(call)
        while body == "slow":
            await call.send(b"x")  # of a header that never ends
            await asyncio.sleep(0.02)

    async with raw_server(handle) as (url, calls):
        listing = asyncio.to_thread(served_models.list_served_models, model(url, max_reply_mb=1.0))
        if body == "deep":
            assert await listing is None
        else:
            with pytest.raises(BackendError) as failure:
                await listing
            expected = "timeout" if body == "slow" else "reply_too_large"
            assert failure.value.reason == expected
    assert len(calls) == 1


async def test_a_batchs_file_has_a_limit_of_its_own():
    """It holds thousands of replies, so it may be larger than one of them, but not endless."""
    status = BatchStatus(id="b1", status="completed", output_file_id="f1")

    async def handle(call):
        if call.target.endswith("/content"):
            await endless(call)
        await call.reply({"id": "b1", "status": "completed"})

    async with raw_server(handle) as (url, _):
        api = BatchApi(model(url, max_batch_mb=2.0, max_reply_mb=1.0), url, proxy=None, key=None)
        assert (await api.status("b1")).id == "b1"
        with pytest.raises(PermanentError, match="larger than max_batch_mb=2"):
            await api.replies(status)
        await api.close()


ECHOES = {
    "text": lambda key: make_completion(f"4 {key}"),
    "model": lambda key: make_completion(model=key),
    "fingerprint": lambda key: make_completion(system_fingerprint=f"fp_{key}"),
    "finish reason": lambda key: make_completion(
        choices=[{"message": {"content": "4"}, "finish_reason": key}]
    ),
    "thought": lambda key: make_completion(
        choices=[{"message": {"content": "4", "reasoning_content": key}}]
    ),
    "part": lambda key: make_completion(choices=[{"message": {"content": [{"text": key}]}}]),
    "choice error": lambda key: make_completion(
        choices=[{"message": {}, "error": {"message": key}}]
    ),
    "error": lambda key: {"error": {"message": key, "code": key}},
    "another form": lambda key: {"hello": key},
}


@pytest.mark.parametrize("place", ECHOES)
@pytest.mark.parametrize("is_escaped", [False, True])
@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_no_place_of_a_reply_gives_the_key_away(place, is_escaped, status, monkeypatch):
    """Keys of eight characters too, and those that JSON writes as escapes."""
    key = "aB3/xY9z"
    monkeypatch.setenv(KEY_VARIABLE, key)
    body = json.dumps(ECHOES[place](key))
    if is_escaped:
        body = body.replace(key, "".join(f"\\u{ord(each):04x}" for each in key))
    headers = ("Location: http://elsewhere/" + key, f"Retry-After: {key}", f"X-Id: {key}")

    said, calls = await ask(replying(body.encode(), *headers, status=status))

    assert b"Bearer aB3/xY9z" in calls[0].head
    told = repr(said) + "".join(
        map(str, vars(said).values() if isinstance(said, Exception) else ())
    )
    assert key not in told
    assert "xY9z" not in told


async def test_a_redirect_is_not_followed_with_the_key(monkeypatch):
    """Another host would get it; the new address is named, without what it repeats of the key."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    async with raw_server(replying(make_completion())) as (elsewhere, reached):
        for status in (301, 302, 303, 307, 308):
            handle = replying({}, f"Location: {elsewhere}?k={KEY}", status=status)
            refusal, calls = await ask(handle)

            assert isinstance(refusal, PermanentError)
            assert f"redirects to {elsewhere}?k=***; if that is right" in str(refusal)
            assert len(calls) == 1
    assert reached == []


async def test_a_cookie_is_not_sent_back():
    """A server could follow a user through it."""
    async with (
        raw_server(replying(make_completion(), "Set-Cookie: id=1")) as (url, calls),
        backend_of(model(url)) as (backend, _),
    ):
        for _ in range(2):
            await backend.complete(request())

    assert len(calls) == 2
    assert not any(b"cookie" in call.head.lower() for call in calls)


async def test_what_stands_before_a_reply_is_passed_over():
    """Servers may send hints (1xx) first."""
    body = json.dumps(make_completion()).encode()

    async def handle(call):
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        await call.send(hint * 3, make_head(f"Content-Length: {len(body)}"), body)

    completion, _ = await ask(handle)
    assert completion.text == "4"


BROKEN = {
    "shorter than it says": lambda call: call.send(make_head("Content-Length: 5000"), b'{"choices'),
    "longer than it says": lambda call: call.send(
        make_head("Content-Length: 3"), b'{"choices": []}'
    ),
    "no HTTP": lambda call: call.send(b"\x00\xff" * 500),
    "a header without end": lambda call: call.send(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 10**6),
    "too many headers": lambda call: call.send(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 10**5),
    "nothing": lambda call: call.send(b""),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_reply_is_a_lost_connection(kind):
    """It may be whole the next time."""
    failure, calls = await ask(BROKEN[kind])

    assert isinstance(failure, TransientError)
    assert failure.reason == "connection"
    assert len(str(failure)) < 500
    assert "\n" not in str(failure)
    assert len(calls) == 2


async def test_a_connection_that_is_reset_within_a_reply_is_lost():
    """Half a reply is none."""

    async def handle(call):
        await call.send(make_head("Content-Length: 5000"), b'{"choices": [')
        call.reset()

    failure, calls = await ask(handle)
    assert (failure.reason, len(calls)) == ("connection", 2)


@pytest.mark.parametrize("part", ["head", "body", "hints"])
async def test_a_slow_drip_is_cut_off_by_the_time_of_an_attempt(part):
    """Each byte comes in time, but the whole does not."""

    async def handle(call):
        if part == "body":
            await call.send(make_head())
        elif part == "head":
            await call.send(b"HTTP/1.1 200 OK\r\nX-A: ")
        while True:
            await call.send(b"HTTP/1.1 103 Hint\r\n\r\n" if part == "hints" else b" ")
            await asyncio.sleep(0.02)

    failure, calls = await ask(handle, timeout_s=0.2)
    assert (failure.reason, len(calls)) == ("timeout", 2)
