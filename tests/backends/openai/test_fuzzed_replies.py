"""Whatever a server sends, a reader returns a value or an error of its own; it never falls over."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import msgspec
import pytest
from endpoint_model import model, request
from fuzzed_replies import (
    BATCH,
    COMPLETION,
    HEADER_VALUES,
    LISTING,
    PUMPED,
    PUMPED_BYTES,
    REFUSALS,
    RESPONSE,
    fuzz_settings,
    fuzzed,
)
from hypothesis import example, given
from hypothesis import strategies as st

from evalharness.backends import LearnedRules, Scrubber
from evalharness.backends.openai.batch_api import BatchApi, BatchReply
from evalharness.backends.openai.connection import ServerConnection
from evalharness.backends.openai.error_reply import make_http_error
from evalharness.backends.openai.rate_limiter import RateLimiter
from evalharness.backends.openai.refusals.refused_fields import explain_refusal
from evalharness.backends.openai.replies.limits import decode_reply
from evalharness.backends.openai.replies.reader import choose_reader
from evalharness.backends.openai.served_models import _read_names
from evalharness.domain import BenchmarkRequest, Message, Role, Sampling
from evalharness.errors import BackendError

URL = "http://127.0.0.1:1/v1"
CONVERSATION = (Message(role=Role.SYSTEM, content="Judge."), Message(role=Role.USER, content="4?"))
REQUESTS = (
    request(messages=CONVERSATION, sampling=Sampling(temperature=0.5, top_p=0.9, seed=1)),
    request(options=("1", "8", "10")),
    BenchmarkRequest(messages=(), sampling=Sampling(), prompt="a", continuation="8"),
)
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"
READERS = {
    endpoint: choose_reader(model(URL, endpoint=endpoint, template=TEMPLATE), Scrubber())
    for endpoint in ("chat", "completions", "responses")
}
EXPECTED = (BackendError, msgspec.MsgspecError, UnicodeDecodeError)


def read_as(endpoint, content):
    """Read a reply as each kind of request has it read."""
    for each in REQUESTS:
        with suppress(*EXPECTED):
            completion = READERS[endpoint](content, each)
            assert isinstance(completion.text, str)
            for count in (completion.prompt_tokens, completion.completion_tokens):
                assert count is None or 0 <= count <= 10_000_000
            json.dumps([completion.served, completion.finish_reason]).encode()


def refuse_with(content, status):
    """Read a refusal as the client does: its error, its lesson, and the setting that it names."""
    spec = model(URL, default_fields=("temperature", "top_p", "max_tokens", "seed"))
    connection = ServerConnection(spec, "12345678")
    error = connection.refusal(status, {}, content)
    assert isinstance(error, BackendError)
    assert len(str(error)) < 1000
    rules = LearnedRules().open(spec)
    body = rules.build_body(REQUESTS[0])
    clean = connection.scrub_content(content)
    rules.learn(status, clean, body, REQUESTS[0])
    explain_refusal(clean, body, spec)
    rules.build_body(REQUESTS[0])


@fuzz_settings
@given(content=fuzzed(COMPLETION))
def test_any_completion_is_read_or_refused(content):
    """A chat endpoint, and one of texts."""
    read_as("chat", content)
    read_as("completions", content)


@fuzz_settings
@given(content=fuzzed(RESPONSE))
def test_any_response_is_read_or_refused(content):
    """OpenAI's Responses API."""
    read_as("responses", content)


@fuzz_settings
@given(content=st.sampled_from(REFUSALS).flatmap(fuzzed), status=st.integers(100, 599))
def test_any_refusal_is_an_error(content, status):
    """Nothing in it ends a run."""
    refuse_with(content, status)


@fuzz_settings
@given(content=fuzzed(LISTING))
def test_any_list_of_models_is_names_or_none(content):
    """A list that says nothing proves nothing."""
    with suppress(*EXPECTED):
        names = _read_names(decode_reply(content))
        assert names is None or all(isinstance(each, str) for each in names)


@fuzz_settings
@given(content=fuzzed(BATCH))
def test_any_line_of_a_batch_is_a_completion_or_an_error(content):
    """One line is one request."""
    api = BatchApi(model(URL), URL, proxy=None, key="12345678")
    with suppress(*EXPECTED):
        api.completion(msgspec.json.decode(content, type=BatchReply), REQUESTS[0])


@fuzz_settings
@given(values=st.lists(HEADER_VALUES, min_size=8, max_size=8), status=st.integers(200, 599))
@example(values=["inf", "", "0", "", "inf", "", "", ""], status=200)
@example(values=["", "1", "", "0", "", "inf", "", ""], status=200)
@example(values=["1", "", "-1e308", "", "1e-308", "", "", ""], status=200)
@example(values=["9", "", "0", "", "1.2.3s", "", "1.2.3s", "1.2.3s"], status=429)
@example(values=["1e-320", "", "0", "", "1e9", "", "", ""], status=200)
def test_any_header_gives_a_wait_that_ends(values, status):
    """Limits in headers are a server's word; infinite ones ended the run by a ZeroDivisionError."""
    places = ("limit", "remaining", "reset")
    names = [f"x-ratelimit-{place}-{kind}" for place in places for kind in ("requests", "tokens")]
    headers = dict(zip([*names, "retry-after", "date"], values, strict=True))
    limiter = RateLimiter()

    limiter.record_served(headers, 1.0)
    wait_s = limiter.try_acquire(10.0, 2.0)
    error = make_http_error(status, headers, "no")

    assert 0 <= wait_s < math.inf
    assert 0 <= (getattr(error, "retry_after_s", None) or 0) <= 60


@pytest.mark.parametrize("part", PUMPED.values(), ids=PUMPED)
@pytest.mark.parametrize("whole", [False, True], ids=["bare", "inside"])
def test_much_of_anything_is_read(part, whole):
    """The time is measured by `pytest --durations`; none of it grows with the square of the size."""
    content = part * (PUMPED_BYTES // len(part))
    as_text = json.dumps(content.decode())
    refusal = f'{{"error": {{"message": {as_text}}}}}'.encode() if whole else content
    reply = (
        f'{{"choices": [{{"message": {{"content": {as_text}}}}}]}}'.encode() if whole else content
    )

    refuse_with(refusal, 400)
    read_as("chat", reply)
